// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/pci/pci_source.h"

#include "hosted/access_trace.h"
#include "hosted/fakes/virtio_pci.h"
#include "unit/virtio/transport/fixture.h"

namespace vireo::virtio {
namespace {

using fake::PciBus;
using fake::PciFunction;
using fake::VirtioPci;
using test::Finds;
using test::place_of;
using test::PlainDevice;
using test::RingMemory;
using Flavour = VirtioPci::Flavour;
using Capability = VirtioPci::Capability;

constexpr u32 bar_bytes = 0x4000; // of the fake's memory BAR

class PciTransport : public test::TransportTest {
  protected:
    void plug(Flavour flavour, bus::pci::HostDescription description = PciBus::virt_host()) {
        bus.emplace(description);
        card.emplace(device, flavour);
        bus->plug(2, 0, *card);
        host.emplace(bus->host());
    }
    // What a source finds, with the capability list as the test changed it.
    std::unique_ptr<Transport> find() {
        card->build_config_space();
        Finds finds;
        PciSource(*host).enumerate(finds);
        EXPECT_LE(finds.all.size(), 1u);
        return finds.all.empty() ? nullptr : std::move(finds.all[0]);
    }
    std::unique_ptr<Transport> find(Flavour flavour) {
        plug(flavour);
        return find();
    }
    Capability& capability(u8 cfg_type) {
        for (Capability& entry : card->capabilities)
            if (entry.cfg_type == cfg_type)
                return entry;
        ADD_FAILURE() << "no capability of type " << int{cfg_type};
        return card->capabilities[0];
    }
    void put_first(Capability entry) { card->capabilities.insert(card->capabilities.begin(), entry); }
    // The device is found through its modern structures and comes up.
    void expect_works() {
        auto transport = find();
        ASSERT_TRUE(transport);
        EXPECT_EQ(transport->kind(), "PCI modern");
        negotiate(*transport);
        EXPECT_EQ(transport->queue_count(), 2);
        EXPECT_EQ(transport->read_config(8, 4).value(), 0xaabb'ccddu);
        reset(*transport);
    }
    void expect_refused(const char* why) {
        EXPECT_EQ(find(), nullptr);
        EXPECT_EQ(take_warnings(),
                  "warning: pci 00:02.0: VirtIO device that cannot be driven: " + std::string(why) + "\n");
    }

    PlainDevice device;
    std::optional<PciBus> bus;
    std::optional<VirtioPci> card;
    std::optional<bus::pci::Host> host;
};

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

TEST_F(PciTransport, a_device_whose_bar_found_no_room_is_refused_with_that_reason) {
    plug(Flavour::Modern);
    auto description = bus->host();
    description.memory.bytes = 0x2000; // enough for BAR 1, not for BAR 4
    description.memory64 = {};
    host.emplace(description);
    EXPECT_EQ(find(), nullptr);
    EXPECT_EQ(take_warnings(),
              "warning: pci 00:02.0: no room for BAR 4 of 0x4000 bytes; it stays unused\n"
              "warning: pci 00:02.0: VirtIO device that cannot be driven: PCI BAR does not fit into "
              "the windows of the host bridge\n");
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

TEST_F(PciTransport, device_configuration_is_optional) {
    plug(Flavour::Modern);
    std::erase_if(card->capabilities, [](auto& entry) { return entry.cfg_type == VirtioPci::device_cfg; });
    auto transport = find();
    ASSERT_TRUE(transport);
    EXPECT_EQ(transport->read_config(0, 1).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(transport->write_config(0, 1, 0).error().code, ErrorCode::OutOfRange);
}

// --- a modern device's life --------------------------------------------------------------------------------------

// The fake complains about accesses of another width than the field's, and about writes to what is read-only.
// covers: pci.modern.05 pci.modern.06 pci.modern.07 pci.modern.08 pci.modern.16 pci.modern.17 pci.modern.18
// covers: pci.modern.19 pci.modern.20 pci.modern.21 pci.modern.24 pci.modern.44 pci.modern.46 pci.modern.51
TEST_F(PciTransport, a_modern_device_is_brought_up_and_notified) {
    for (auto description : {PciBus::virt_host(), PciBus::pc_host()}) {
        plug(Flavour::Modern, description);
        device.offered.add(28);
        auto transport = find();
        ASSERT_TRUE(transport);
        EXPECT_FALSE(device.may_access_memory);
        EXPECT_EQ(negotiate(*transport), FeatureSet::of({28, 32}));
        EXPECT_TRUE(device.may_access_memory);
        EXPECT_EQ(transport->queue_count(), 2);
        EXPECT_EQ(transport->queue_size_max({0}).value(), 256);
        RingMemory first(64, false);
        RingMemory second(256, false);
        ASSERT_TRUE(transport->activate_queue({0}, 64, first.addresses));
        auto bell = transport->activate_queue({1}, 256, second.addresses);
        ASSERT_TRUE(bell);
        EXPECT_EQ(bell->kind(), io::Doorbell::Kind::Memory16);
        EXPECT_EQ(device.queue(0).size, 64);
        EXPECT_EQ(device.queue(0).descriptors, first.addresses.descriptors.value);
        EXPECT_EQ(device.queue(1).driver_area, second.addresses.driver.value);
        EXPECT_EQ(device.queue(1).device_area, second.addresses.device.value);
        go_live(*transport);
        device.report_unwelcome_notifications = false;
        u64 before = device.queue(1).notifications;
        bell->ring();
        EXPECT_EQ(device.queue(1).notifications, before + 1);
        reset(*transport);
        transport->enable_dma(false);
        EXPECT_FALSE(device.may_access_memory);
        transport.reset();
        host.reset();
        card.reset();
        bus.reset();
    }
}

// covers: pci.modern.51
TEST_F(PciTransport, notification_offsets_are_multiplied) {
    for (u32 multiplier : {0u, 2u, 4u, 2048u}) {
        plug(Flavour::Modern);
        card->notify_multiplier = multiplier;
        card->notify_offset = [](u16 queue) { return static_cast<u16>(1 - queue); };
        capability(VirtioPci::notify_cfg).extra = {multiplier};
        auto transport = find();
        ASSERT_TRUE(transport);
        negotiate(*transport);
        RingMemory ring(64, false);
        auto bell = transport->activate_queue({0}, 64, ring.addresses);
        ASSERT_TRUE(bell);
        go_live(*transport);
        device.report_unwelcome_notifications = false;
        hosted::start_trace();
        bell->ring();
        u64 expected =
            card->bar_base(VirtioPci::modern_bar) + capability(VirtioPci::notify_cfg).offset + multiplier;
        EXPECT_EQ(hosted::stop_trace()[0].address, expected);
        reset(*transport);
        card.reset();
        bus.reset();
    }
}

// covers: pci.modern.52
TEST_F(PciTransport, notification_offsets_beyond_the_structure_are_refused_before_the_queue_is_enabled) {
    struct Case {
        u32 multiplier;
        u16 offset;
    };
    // The last ones are harmless when the product is cut to 16 or 32 bits.
    for (Case c : {Case{2, 0x800}, Case{4, 0xffff}, Case{0x1000, 1}, Case{0x1'0000, 0x8000},
                   Case{0x8000'0000, 2}, Case{1, 1}}) {
        plug(Flavour::Modern);
        card->notify_multiplier = c.multiplier;
        card->notify_offset = [&](u16) { return c.offset; };
        capability(VirtioPci::notify_cfg).extra = {c.multiplier};
        auto transport = find();
        ASSERT_TRUE(transport);
        negotiate(*transport);
        RingMemory ring(64, false);
        EXPECT_EQ(transport->activate_queue({0}, 64, ring.addresses).error().code, ErrorCode::DeviceBroken);
        EXPECT_FALSE(device.queue(0).enabled);
        reset(*transport);
        card.reset();
        bus.reset();
    }
}

// covers: pci.modern.56
TEST_F(PciTransport, queues_that_do_not_exist_have_size_0) {
    auto transport = find(Flavour::Modern);
    negotiate(*transport);
    EXPECT_EQ(transport->queue_size_max({2}).value(), 0);
    EXPECT_EQ(transport->queue_size_max({0xffff}).value(), 0);
    device.queue(1).size_max = 0;
    EXPECT_EQ(transport->queue_size_max({1}).value(), 0);
    reset(*transport);
}

TEST_F(PciTransport, a_queue_that_an_earlier_owner_left_enabled_breaks_the_device) {
    for (Flavour flavour : {Flavour::Modern, Flavour::Legacy}) {
        auto transport = find(flavour);
        negotiate(*transport);
        card->queue_stuck = true;
        EXPECT_EQ(transport->queue_size_max({0}).error().code, ErrorCode::DeviceBroken);
        RingMemory ring(256, flavour == Flavour::Legacy);
        EXPECT_EQ(transport->activate_queue({0}, 256, ring.addresses).error().code, ErrorCode::DeviceBroken);
        reset(*transport);
        transport.reset();
        card.reset();
        bus.reset();
    }
}

// covers: pci.modern.26
TEST_F(PciTransport, one_queue_cannot_be_stopped) {
    for (Flavour flavour : {Flavour::Modern, Flavour::Legacy}) {
        auto transport = find(flavour);
        negotiate(*transport);
        RingMemory ring(256, flavour == Flavour::Legacy);
        ASSERT_TRUE(transport->activate_queue({0}, 256, ring.addresses));
        EXPECT_EQ(transport->deactivate_queue({0}).error().code, ErrorCode::NotSupported);
        EXPECT_TRUE(device.queue(0).enabled);
        reset(*transport);
        transport.reset();
        card.reset();
        bus.reset();
    }
}

// covers: pci.modern.50 pci.modern.53
TEST_F(PciTransport, reading_isr_status_tells_and_clears_both_events) {
    for (Flavour flavour : {Flavour::Modern, Flavour::Legacy}) {
        auto transport = find(flavour);
        negotiate(*transport);
        go_live(*transport);
        device.raise(3);
        DeviceEvents events = transport->take_events();
        EXPECT_TRUE(events.queues && events.config);
        events = transport->take_events();
        EXPECT_FALSE(events.queues || events.config);
        reset(*transport);
        transport.reset();
        card.reset();
        bus.reset();
    }
}

TEST_F(PciTransport, the_generation_changes_with_the_configuration) {
    auto transport = find(Flavour::Modern);
    negotiate(*transport);
    auto before = transport->config_generation();
    ASSERT_TRUE(before);
    device.change_config([](auto& bytes) { bytes[0] = 1; });
    EXPECT_NE(transport->config_generation(), before);
    reset(*transport);
}

// covers: pci.modern.38 pci.modern.41
TEST_F(PciTransport, msix_is_off_and_no_vector_is_ever_written) {
    plug(Flavour::Modern);
    card->msix_enabled_before = true;
    auto transport = find();
    ASSERT_TRUE(transport);
    negotiate(*transport);
    RingMemory ring(64, false);
    hosted::start_trace();
    ASSERT_TRUE(transport->activate_queue({0}, 64, ring.addresses));
    u64 common = card->bar_base(VirtioPci::modern_bar) + capability(VirtioPci::common_cfg).offset;
    for (const hosted::Access& access : hosted::stop_trace())
        EXPECT_TRUE(access.kind != hosted::Access::Kind::Write ||
                    (access.address != common + 0x10 && access.address != common + 0x1a));
    EXPECT_EQ(card->config16(card->config8(0x34) + 2u) & 0x8000, 0);
    reset(*transport);
}

TEST_F(PciTransport, a_device_that_is_gone_is_never_ready) {
    for (Flavour flavour : {Flavour::Modern, Flavour::Legacy}) {
        auto transport = find(flavour);
        negotiate(*transport);
        device.faults.gone = true;
        EXPECT_EQ(transport->status(), 0xff);
        EXPECT_FALSE(transport->queue_size_max({0}));
        RingMemory ring(256, flavour == Flavour::Legacy);
        EXPECT_FALSE(transport->activate_queue({0}, 256, ring.addresses));
        transport->enable_dma(false);
        device.faults.gone = false;
        transport.reset();
        card.reset();
        bus.reset();
    }
}

// --- a legacy device's life --------------------------------------------------------------------------------------

// covers: pci.legacy.02 pci.legacy.03 pci.legacy.05 pci.legacy.06 pci.legacy.11
TEST_F(PciTransport, a_legacy_device_is_brought_up_and_notified) {
    for (auto description : {PciBus::virt_host(), PciBus::pc_host()}) {
        plug(Flavour::Legacy, description);
        device.offered.add(5);
        device.offered.add(27);
        auto transport = find();
        ASSERT_TRUE(transport);
        EXPECT_EQ(transport->ring_layout(), RingLayout::Contiguous);
        EXPECT_EQ(transport->queue_count(), std::nullopt);
        EXPECT_EQ(transport->config_generation(), std::nullopt);
        EXPECT_EQ(negotiate(*transport), FeatureSet::of({5, 27}));
        EXPECT_EQ(transport->queue_size_max({1}).value(), 256);
        EXPECT_EQ(transport->queue_size_max({2}).value(), 0);
        RingMemory ring(256, true);
        auto bell = transport->activate_queue({1}, 256, ring.addresses);
        ASSERT_TRUE(bell);
        EXPECT_EQ(bell->kind(), description.io_space == io::Space::Port ? io::Doorbell::Kind::Port16
                                                                        : io::Doorbell::Kind::Memory16);
        EXPECT_EQ(device.queue(1).descriptors, ring.addresses.descriptors.value);
        EXPECT_EQ(device.queue(1).device_area, ring.addresses.device.value);
        EXPECT_EQ(transport->read_config(8, 4).value(), 0xaabb'ccddu);
        EXPECT_TRUE(transport->write_config(14, 1, 7));
        EXPECT_EQ(transport->read_config(14, 1).value(), 7u);
        EXPECT_EQ(transport->read_config(0x80, 1).error().code, ErrorCode::OutOfRange);
        go_live(*transport);
        device.report_unwelcome_notifications = false;
        u64 before = device.queue(1).notifications;
        bell->ring();
        EXPECT_EQ(device.queue(1).notifications, before + 1);
        reset(*transport);
        transport.reset();
        host.reset();
        card.reset();
        bus.reset();
    }
}

TEST_F(PciTransport, a_legacy_queue_has_the_size_of_the_device) {
    auto transport = find(Flavour::Legacy);
    negotiate(*transport);
    RingMemory ring(128, true);
    EXPECT_EQ(transport->activate_queue({0}, 128, ring.addresses).error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(device.queue(0).enabled);
    reset(*transport);
}

// covers: pci.legacy.12
TEST_F(PciTransport, a_legacy_ring_out_of_reach_is_refused) {
    auto transport = find(Flavour::Legacy);
    negotiate(*transport);
    u64 start = u64{1} << 44;
    QueueAddresses high{{start}, {start + 4096}, {start + 8192}};
    EXPECT_EQ(transport->activate_queue({0}, 256, high).error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(device.queue(0).enabled);
    reset(*transport);
}

// covers: pci.legacy.04
TEST_F(PciTransport, legacy_configuration_moves_with_msix) {
    plug(Flavour::Legacy);
    card->msix_enabled_before = true;
    auto transport = find();
    ASSERT_TRUE(transport);
    EXPECT_EQ(transport->read_config(8, 4).value(), 0xaabb'ccddu); // at 24
    transport->enable_dma(true);                                   // switches MSI-X off
    EXPECT_EQ(transport->read_config(8, 4).value(), 0xaabb'ccddu); // at 20
    EXPECT_EQ(card->config16(card->config8(0x34) + 2u) & 0x8000, 0);
}

} // namespace
} // namespace vireo::virtio
