// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/pci/structures.h"

#include "hosted/access_trace.h"
#include "unit/virtio/transport/pci_fixture.h"

// Which functions are VirtIO devices, and where their structures lie.
namespace vireo::virtio {
namespace {

using fake::PciFunction;
using test::place_of;

constexpr u32 bar_bytes = 0x4000; // of the fake's memory BAR

// --- discovery ---------------------------------------------------------------------------------------------------

// covers: pci.modern.01 pci.modern.02 pci.modern.03 pci.modern.04 pci.legacy.01
TEST_F(PciTransport, ids_name_the_device_type_whatever_revision_and_subsystem_say) {
    struct Case {
        u16 id;
        u16 subsystem;
        u32 type;
    };
    for (Case c : {Case{0x1041, 0x1100, 1}, Case{0x1042, 2, 2}, Case{0x107f, 0xffff, 63}, Case{0x1000, 1, 1},
                   Case{0x1001, 2, 2}, Case{0x1002, 5, 5}, Case{0x1003, 3, 3}, Case{0x1004, 8, 8},
                   Case{0x1005, 4, 4}, Case{0x1009, 9, 9}, Case{0x1001, 0x5a5a, 2}, Case{0x1012, 19, 19},
                   Case{0x1040, 2, 0}, Case{0x1080, 2, 0}, Case{0x0fff, 2, 0}})
        for (u8 revision : {0, 1, 0xff}) {
            plug(Flavour::Transitional);
            card->put(0x02, 2, c.id);
            card->put(0x2e, 2, c.subsystem);
            card->put(0x08, 1, revision);
            ASSERT_TRUE(host->scan());
            EXPECT_EQ(pci_device_type(*host->first()), c.type) << c.id;
            card.reset();
            bus.reset();
        }
}

TEST_F(PciTransport, functions_of_other_vendors_are_left_alone) {
    plug(Flavour::Modern);
    card->put(0x00, 2, 0x8086);
    Finds finds;
    PciSource(*host).enumerate(finds);
    EXPECT_TRUE(finds.all.empty());
}

// covers: pci.legacy.07
TEST_F(PciTransport, a_transitional_device_is_driven_through_its_modern_interface) {
    auto transport = find(Flavour::Transitional);
    ASSERT_TRUE(transport);
    EXPECT_EQ(transport->kind(), "PCI modern");
    EXPECT_EQ(place_of(*transport), "pci 00:02.0");
    negotiate(*transport);
    EXPECT_EQ(card->legacy_accesses(), 0u);
    reset(*transport);
}

// covers: pci.legacy.08
TEST_F(PciTransport, a_transitional_id_without_capabilities_is_a_legacy_device) {
    auto transport = find(Flavour::Legacy);
    ASSERT_TRUE(transport);
    EXPECT_TRUE(transport->is_legacy());
    EXPECT_EQ(transport->kind(), "PCI legacy");
}

TEST_F(PciTransport, a_transitional_device_with_unusable_structures_falls_back_to_legacy) {
    plug(Flavour::Transitional);
    capability(VirtioPci::common_cfg).offset = bar_bytes;
    auto transport = find();
    ASSERT_TRUE(transport);
    EXPECT_EQ(transport->kind(), "PCI legacy");
}

// covers: pci.legacy.09 pci.legacy.10
TEST_F(PciTransport, a_modern_id_without_capabilities_is_refused) {
    plug(Flavour::Modern);
    card->capabilities.clear();
    expect_refused("no VirtIO capabilities");
}

TEST_F(PciTransport, a_legacy_device_without_its_io_region_is_refused) {
    plug(Flavour::Legacy);
    card->set_bar(0, {PciFunction::Bar::Kind::Memory32, 0x1000, false});
    expect_refused("BAR 0 is no I/O region with a legacy header");
    card->set_bar(0, {PciFunction::Bar::Kind::Io, 16, false});
    host.emplace(bus->host());
    card->put(0x04, 2, 0);
    card->put(0x10, 4, 1);
    expect_refused("BAR 0 is no I/O region with a legacy header");
}

// The fake, whose BAR 4 with all structures finds no room.
class PciNoRoom : public PciTransport {
  protected:
    void plug_without_room(Flavour flavour = Flavour::Modern) {
        plug(flavour);
        auto description = bus->host();
        description.memory.bytes = 0x2000; // enough for BAR 1, not for BAR 4
        description.memory64 = {};
        host.emplace(description);
        card->has_config_access = true;
    }
    static constexpr const char* no_room =
        "warning: pci 00:02.0: no room for BAR 4 of 0x4000 bytes; it stays unused\n";
};

TEST_F(PciNoRoom, a_device_without_configuration_access_is_refused_with_that_reason) {
    plug_without_room();
    capability(VirtioPci::pci_cfg).cfg_type = VirtioPci::vendor_cfg;
    EXPECT_EQ(find(), nullptr);
    EXPECT_EQ(take_warnings(),
              std::string(no_room) +
                  "warning: pci 00:02.0: VirtIO device that cannot be driven: PCI BAR does not fit "
                  "into the windows of the host bridge\n");
}

// covers: pci.modern.16 pci.modern.35 pci.modern.36 pci.modern.37
TEST_F(PciNoRoom, a_device_is_driven_through_configuration_space) {
    for (Flavour flavour : {Flavour::Modern, Flavour::Transitional}) {
        plug_without_room(flavour);
        device.offered.add(38); // notification data: there is no such access
        auto transport = find();
        EXPECT_EQ(take_warnings(), no_room);
        ASSERT_TRUE(transport);
        EXPECT_EQ(transport->kind(), "PCI modern (configuration access)");
        EXPECT_EQ(card->config_accesses, 0u); // making it reads the list and no more
        EXPECT_FALSE(negotiate(*transport).has(38));
        EXPECT_EQ(transport->queue_count(), 2);
        EXPECT_EQ(transport->read_config(8, 4).value(), 0xaabb'ccddu);
        EXPECT_EQ(transport->read_config(12, 2).value(), 0xe0f0u);
        EXPECT_EQ(transport->read_config(14, 1).value(), 0x55u);
        EXPECT_TRUE(transport->write_config(14, 1, 0x66));
        EXPECT_EQ(transport->read_config(14, 1).value(), 0x66u);
        EXPECT_TRUE(transport->write_config(14, 1, 0x55));
        EXPECT_FALSE(transport->read_config(16, 4));

        test::RingMemory ring(64, false);
        auto bell = transport->activate_queue({1}, 64, ring.addresses);
        ASSERT_TRUE(bell);
        EXPECT_EQ(bell->kind(), io::Doorbell::Kind::Indirect16);
        EXPECT_EQ(device.queue(1).descriptors, ring.addresses.descriptors.value);
        go_live(*transport);
        device.report_unwelcome_notifications = false;
        u64 before = device.queue(1).notifications;
        bell->ring();
        EXPECT_EQ(device.queue(1).notifications, before + 1);
        EXPECT_EQ(card->legacy_accesses(), 0u);
        reset(*transport);
        transport.reset();
        card.reset();
        bus.reset();
    }
}

TEST_F(PciNoRoom, the_window_is_as_wide_as_each_access) {
    plug_without_room();
    auto transport = find();
    take_warnings();
    ASSERT_TRUE(transport);
    negotiate(*transport);
    EXPECT_EQ(transport->read_config(14, 1).value(), 0x55u);
    (void)transport->read_config(14, 2); // not the field's width, but the window's
    EXPECT_EQ(take_complaints().find("pci.modern.36"), std::string::npos);
    u64 before = card->config_accesses;
    for (int looks = 0; looks < 10; ++looks)
        EXPECT_EQ(transport->read_config(14, 1).value(), 0x55u);
    EXPECT_EQ(card->config_accesses, before + 10);
    reset(*transport);
}

TEST_F(PciNoRoom, a_capability_that_is_too_short_or_leaves_configuration_space_is_no_way) {
    for (int length : {16, 19, 0xff}) {
        plug_without_room();
        capability(VirtioPci::pci_cfg).cap_len = length;
        EXPECT_EQ(find(), nullptr) << length;
        EXPECT_NE(take_warnings().find("does not fit"), std::string::npos);
        card.reset();
        bus.reset();
    }
}

TEST_F(PciNoRoom, structures_in_a_bar_with_room_are_preferred_wherever_they_stand) {
    for (bool last : {false, true}) {
        plug_without_room();
        // BAR 1 has the notification structure, too; it is the device's second choice or its first one.
        Capability direct = capability(VirtioPci::notify_cfg);
        direct.bar = 1;
        direct.offset = 0;
        if (last)
            card->capabilities.push_back(direct);
        else
            put_first(direct);
        auto transport = find();
        EXPECT_EQ(take_warnings(), no_room);
        ASSERT_TRUE(transport);
        negotiate(*transport);
        test::RingMemory ring(64, false);
        auto bell = transport->activate_queue({0}, 64, ring.addresses);
        ASSERT_TRUE(bell);
        EXPECT_EQ(bell->kind(), io::Doorbell::Kind::Memory16);
        reset(*transport);
        transport.reset();
        card.reset();
        bus.reset();
    }
}

TEST_F(PciNoRoom, of_two_structures_without_room_the_first_is_used) {
    plug_without_room();
    Capability second = capability(VirtioPci::notify_cfg);
    second.offset += 0x1000;
    card->capabilities.push_back(second);
    auto transport = find();
    take_warnings();
    ASSERT_TRUE(transport);
    negotiate(*transport);
    test::RingMemory ring(64, false);
    auto bell = transport->activate_queue({0}, 64, ring.addresses);
    ASSERT_TRUE(bell);
    go_live(*transport);
    device.report_unwelcome_notifications = false;
    bell->ring();
    u32 offset = card->config32(card->find_capability(VirtioPci::pci_cfg) + 8);
    EXPECT_EQ(offset,
              capability(VirtioPci::notify_cfg).offset + card->notify_offset(0) * card->notify_multiplier);
    reset(*transport);
}

TEST_F(PciNoRoom, a_structure_outside_its_bar_is_refused_as_ever) {
    plug_without_room();
    capability(VirtioPci::common_cfg).offset = bar_bytes;
    EXPECT_EQ(find(), nullptr);
    EXPECT_EQ(take_warnings(),
              std::string(no_room) +
                  "warning: pci 00:02.0: VirtIO device that cannot be driven: structure outside "
                  "its BAR or misaligned\n");
}

TEST_F(PciNoRoom, a_device_that_is_gone_reads_as_gone) {
    plug_without_room();
    auto transport = find();
    take_warnings();
    ASSERT_TRUE(transport);
    device.faults.gone = true;
    EXPECT_EQ(transport->status(), 0xff);
    device.faults.gone = false;
    EXPECT_EQ(transport->status(), 0); // it was not there to be told where its window has to point
}

// --- capability list ---------------------------------------------------------------------------------------------

// covers: pci.modern.09 pci.modern.33 pci.modern.34
TEST_F(PciTransport, reserved_and_unused_types_are_ignored) {
    plug(Flavour::Modern);
    card->has_msix = false;
    auto all = std::exchange(card->capabilities, {});
    for (u8 type : {0, 6, 7, 10, 255, 9})
        card->capabilities.push_back({type, VirtioPci::modern_bar, 0, 0, bar_bytes, {}, -1});
    for (Capability& entry : all)
        if (entry.cfg_type >= 1 && entry.cfg_type <= 4)
            card->capabilities.push_back(entry);
    expect_works();
}

// covers: pci.modern.10
TEST_F(PciTransport, the_first_usable_instance_is_used) {
    plug(Flavour::Modern);
    Capability second = capability(VirtioPci::common_cfg);
    second.offset = 0x3000; // the fake would complain about accesses: no structure lies there
    card->capabilities.push_back(second);
    Capability unusable = capability(VirtioPci::notify_cfg);
    unusable.bar = 5; // not implemented
    put_first(unusable);
    auto transport = find();
    ASSERT_TRUE(transport);
    hosted::start_trace();
    transport->status();
    u64 bar = card->bar_base(VirtioPci::modern_bar);
    auto trace = hosted::stop_trace();
    ASSERT_EQ(trace.size(), 1u);
    EXPECT_EQ(trace[0].address, bar + capability(VirtioPci::common_cfg).offset + 0x14);
}

// covers: pci.modern.11
TEST_F(PciTransport, longer_capabilities_are_accepted_and_shorter_ones_refused) {
    plug(Flavour::Modern);
    card->has_msix = false;
    std::erase_if(card->capabilities, [](auto& entry) { return entry.cfg_type > 4; });
    for (Capability& entry : card->capabilities)
        entry.cap_len = static_cast<int>(16 + 4 * entry.extra.size() + 16);
    expect_works();
    capability(VirtioPci::common_cfg).cap_len = 15;
    expect_refused("capability of a wrong length");
    capability(VirtioPci::common_cfg).cap_len = 16;
    capability(VirtioPci::notify_cfg).cap_len = 16; // without its multiplier
    expect_refused("capability of a wrong length");
    capability(VirtioPci::notify_cfg).cap_len = 255; // beyond configuration space
    expect_refused("capability of a wrong length");
}

TEST_F(PciTransport, a_capability_at_the_end_of_configuration_space_is_not_read_beyond_it) {
    plug(Flavour::Modern);
    card->build_config_space();
    ASSERT_TRUE(host->scan());
    card->config8(0x34) = 0xfc;
    card->put(0xfc, 4, 0x01'10'00'09); // a common configuration capability of 16 bytes, 4 of which exist
    EXPECT_EQ(probe_pci(*host->first()).error().code, ErrorCode::NotSupported);
}

// covers: pci.modern.12
TEST_F(PciTransport, reserved_bars_are_ignored) {
    plug(Flavour::Modern);
    for (u8 bar : {6, 7, 255}) {
        Capability reserved = capability(VirtioPci::common_cfg);
        reserved.bar = bar;
        put_first(reserved);
    }
    std::erase_if(card->capabilities, [](auto& entry) { return entry.cfg_type > 4; });
    expect_works();
    std::erase_if(card->capabilities, [](auto& entry) { return entry.cfg_type == 1 && entry.bar <= 5; });
    expect_refused("structure in a reserved BAR");
}

TEST_F(PciTransport, the_upper_half_of_a_64_bit_bar_is_no_bar) {
    plug(Flavour::Modern);
    capability(VirtioPci::common_cfg).bar = VirtioPci::modern_bar + 1;
    expect_refused("PCI BAR not implemented");
}

// covers: pci.modern.13 pci.modern.14
TEST_F(PciTransport, unexpectedly_large_lengths_are_handled) {
    plug(Flavour::Modern);
    for (u8 type : {VirtioPci::common_cfg, VirtioPci::notify_cfg, VirtioPci::isr_cfg, VirtioPci::device_cfg})
        for (u32 length : {0xffff'ffffu, 0x8000'0000u, bar_bytes}) {
            u32 right = std::exchange(capability(type).length, length);
            auto transport = find();
            EXPECT_TRUE(transport) << int{type};
            // Never beyond the BAR, however long a structure is said to be.
            if (transport && type == VirtioPci::device_cfg)
                EXPECT_EQ(transport->read_config(bar_bytes - 0x1040, 1).error().code, ErrorCode::OutOfRange);
            capability(type).length = right;
        }
}

// covers: pci.modern.15
TEST_F(PciTransport, structures_that_are_too_short_are_refused) {
    plug(Flavour::Modern);
    struct Case {
        u8 type;
        u32 length;
    };
    for (Case c : {Case{VirtioPci::common_cfg, 4}, Case{VirtioPci::common_cfg, 0x37},
                   Case{VirtioPci::notify_cfg, 1}, Case{VirtioPci::isr_cfg, 0}}) {
        u32 right = std::exchange(capability(c.type).length, c.length);
        expect_refused("structure too short");
        capability(c.type).length = right;
    }
    expect_works();
}

TEST_F(PciTransport, structures_outside_their_bar_or_misaligned_are_refused) {
    plug(Flavour::Modern);
    for (u32 offset : {bar_bytes, 0xffff'fffcu, 0x802u, 0x801u}) {
        u32 right = std::exchange(capability(VirtioPci::common_cfg).offset, offset);
        expect_refused("structure outside its BAR or misaligned");
        capability(VirtioPci::common_cfg).offset = right;
    }
    capability(VirtioPci::common_cfg).offset = bar_bytes - 0x34; // begins inside, ends outside
    expect_refused("structure too short");
}

TEST_F(PciTransport, a_missing_structure_is_named) {
    for (u8 type : {VirtioPci::common_cfg, VirtioPci::notify_cfg, VirtioPci::isr_cfg}) {
        plug(Flavour::Modern);
        std::erase_if(card->capabilities, [&](auto& entry) { return entry.cfg_type == type; });
        expect_refused("a structure is missing");
        card.reset();
        bus.reset();
    }
}

// covers: pci.modern.12 pci.modern.14 pci.modern.57
TEST_F(PciTransport, random_capability_lists_never_lead_outside_the_bars) {
    plug(Flavour::Transitional);
    card->build_config_space();
    ASSERT_TRUE(host->scan());
    const bus::pci::Function& function = *host->first();
    u64 state = 1;
    auto random = [&] {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return static_cast<u32>(state >> 32);
    };
    unsigned complete = 0;
    for (int round = 0; round < 20'000; ++round) {
        card->config8(0x34) = static_cast<u8>(0x40 + random() % 0xc0);
        for (u32 at = 0x40; at < 0x100; at += 4) {
            u32 value = random();
            if (at % 16 == 0) // mostly virtio capabilities of about the right length
                value = 0x09 | (value & 0xf0) << 8 | (16 + random() % 8) << 16 | random() % 6 << 24;
            else if (at % 16 == 4)
                value = value % 4 != 0 ? 4 : random() % 8;
            else if (random() % 4 != 0)
                value = value % 0x5000 & ~3u;
            card->put(at, 4, value);
        }
        PciStructures found = find_structures(function);
        complete += found.is_complete();
        for (const auto& window : {found.common, found.notify, found.isr, found.device}) {
            bool inside = !window;
            for (unsigned bar = 0; bar < 6 && !inside; ++bar)
                if (auto whole = function.bar(bar))
                    inside = window->space() == whole->space() && window->base() >= whole->base() &&
                             range_fits(window->base() - whole->base(), window->size(), whole->size());
            EXPECT_TRUE(inside);
        }
        if (found.common) {
            EXPECT_GE(found.common->size(), 0x38u);
            EXPECT_LE(found.common->size(), 0x3cu);
            EXPECT_TRUE(is_aligned(found.common->base(), 4));
        }
    }
    EXPECT_GT(complete, 0u); // or nothing was tried
}

TEST_F(PciTransport, device_configuration_is_optional) {
    plug(Flavour::Modern);
    std::erase_if(card->capabilities, [](auto& entry) { return entry.cfg_type == VirtioPci::device_cfg; });
    auto transport = find();
    ASSERT_TRUE(transport);
    EXPECT_EQ(transport->read_config(0, 1).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(transport->write_config(0, 1, 0).error().code, ErrorCode::OutOfRange);
}

} // namespace
} // namespace vireo::virtio
