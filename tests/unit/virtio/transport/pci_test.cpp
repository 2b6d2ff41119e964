// SPDX-License-Identifier: Apache-2.0
#include "hosted/access_trace.h"
#include "unit/virtio/transport/pci_fixture.h"

// The lives of a modern and of a legacy device.
namespace vireo::virtio {
namespace {

using test::RingMemory;

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
TEST_F(PciTransport, a_queue_is_not_reset_without_the_feature) {
    for (Flavour flavour : {Flavour::Modern, Flavour::Legacy}) {
        auto transport = find(flavour);
        negotiate(*transport);
        RingMemory ring(256, flavour == Flavour::Legacy);
        ASSERT_TRUE(transport->activate_queue({0}, 256, ring.addresses));
        hosted::start_trace();
        EXPECT_EQ(transport->reset_queue({0}).error().code, ErrorCode::NotSupported);
        EXPECT_TRUE(transport->stop_queue({0})); // only the device's reset stops it
        EXPECT_TRUE(hosted::stop_trace().empty());
        EXPECT_TRUE(device.queue(0).enabled);
        reset(*transport);
        transport.reset();
        card.reset();
        bus.reset();
    }
}

// covers: pci.modern.26 pci.modern.27 pci.modern.28 pci.modern.29 gen.vqreset.01 gen.vqreset.03
TEST_F(PciTransport, a_queue_is_reset_and_started_again) {
    device.offered.add(40);
    auto transport = find(Flavour::Modern);
    EXPECT_TRUE(negotiate(*transport).has(40));
    RingMemory ring(64, false);
    RingMemory other(16, false);
    ASSERT_TRUE(transport->activate_queue({1}, 64, ring.addresses));
    go_live(*transport);
    u64 common = card->bar_base(VirtioPci::modern_bar) + capability(VirtioPci::common_cfg).offset;
    for (unsigned polls : {0u, 1u, 50u}) {
        device.faults.queue_disable_polls = polls;
        hosted::start_trace();
        EXPECT_TRUE(transport->reset_queue({1}));
        unsigned reads = 0;
        for (const hosted::Access& access : hosted::stop_trace()) {
            EXPECT_FALSE(access.kind == hosted::Access::Kind::Write && access.address == common + 0x1c);
            reads += access.kind == hosted::Access::Kind::Read && access.address == common + 0x3a;
        }
        EXPECT_GT(reads, polls);
        EXPECT_FALSE(device.queue(1).enabled);
        device.faults.queue_disable_polls = 0;
        // Smaller than before, and elsewhere; the fake complains about a queue that is not programmed whole.
        ASSERT_TRUE(transport->activate_queue({1}, 16, other.addresses));
        EXPECT_EQ(device.queue(1).size, 16);
        EXPECT_EQ(device.queue(1).descriptors, other.addresses.descriptors.value);
    }
    reset(*transport);
    // Nor in a life after the one that had the feature.
    EXPECT_EQ(transport->reset_queue({1}).error().code, ErrorCode::NotSupported);
}

// covers: pci.modern.27 gen.vqreset.01
TEST_F(PciTransport, a_queue_reset_that_is_not_confirmed_is_an_error) {
    device.offered.add(40);
    auto transport = find(Flavour::Modern);
    negotiate(*transport);
    RingMemory ring(64, false);
    ASSERT_TRUE(transport->activate_queue({0}, 64, ring.addresses));
    device.faults.queue_disable_polls = 1'000'000'000;
    EXPECT_EQ(transport->reset_queue({0}).error().code, ErrorCode::Timeout);
    EXPECT_LT(hosted::clock_now(), 60 * hosted::second);
    device.faults.queue_disable_polls = 0;
    card->queue_stuck = true; // queue_reset is 0, queue_enable is not
    EXPECT_EQ(transport->reset_queue({0}).error().code, ErrorCode::DeviceBroken);
    card->queue_stuck = false;
    device.faults.gone = true;
    EXPECT_EQ(transport->reset_queue({0}).error().code, ErrorCode::DeviceBroken);
    device.faults.gone = false;
    reset(*transport);
}

// covers: pci.modern.44 pci.modern.45 pci.modern.46 pci.modern.47 pci.modern.48 pci.modern.49
// covers: gen.notif.01 gen.notif.02 pci.modern.21
TEST_F(PciTransport, what_a_notification_says_and_how_wide_it_is) {
    for (bool with_data : {false, true})
        for (bool own_numbers : {false, true}) {
            plug(Flavour::Modern);
            device.offered.set(38, with_data);
            device.offered.set(39, own_numbers);
            card->notify_data = [](u16 queue) { return static_cast<u16>(0xfff0 - queue); };
            auto transport = find();
            ASSERT_TRUE(transport);
            auto accepted = negotiate(*transport);
            EXPECT_EQ(accepted.has(38), with_data);
            EXPECT_EQ(accepted.has(39), own_numbers);
            RingMemory ring(64, false);
            auto bell = transport->activate_queue({1}, 64, ring.addresses);
            ASSERT_TRUE(bell);
            go_live(*transport);
            device.report_unwelcome_notifications = false;
            u64 before = device.queue(1).notifications;
            u32 number = own_numbers ? 0xffef : 1;
            u64 place = card->bar_base(VirtioPci::modern_bar) + capability(VirtioPci::notify_cfg).offset +
                        u64{4} * card->notify_offset(1);
            for (u16 next : {u16{0x8005}, u16{0x8005}, u16{0}}) {
                hosted::start_trace();
                if (with_data)
                    bell->ring_with(next);
                else
                    bell->ring();
                auto trace = hosted::stop_trace();
                ASSERT_GE(trace.size(), 1u);
                EXPECT_EQ(trace[0].address, place);
                EXPECT_EQ(trace[0].width, with_data ? 4 : 2);
                EXPECT_EQ(trace[0].value, with_data ? u32{next} << 16 | number : number);
            }
            EXPECT_EQ(device.queue(1).notifications - before, 3u);
            reset(*transport);
            transport.reset();
            card.reset();
            bus.reset();
        }
}

// A device may offer what its registers have no room for; fields beyond a structure's end are not touched
// (the fake complains).
// covers: pci.modern.52
TEST_F(PciTransport, features_need_room_in_the_structures) {
    struct Case {
        u32 common;
        u32 notify;
        u32 multiplier;
        u32 skew; // of the notification structure
        std::initializer_list<unsigned> allowed;
    };
    for (const Case& c : {Case{0x38, 0x1000, 4, 0, {38}}, Case{0x3a, 0x1000, 4, 0, {38, 39}},
                          Case{0x3b, 0x1000, 4, 0, {38, 39}}, Case{0x3c, 0x1000, 4, 0, {38, 39, 40}},
                          Case{0x40, 0x1000, 0, 0, {38, 39, 40}}, Case{0x40, 0x1000, 2, 0, {39, 40}},
                          Case{0x40, 0x1000, 4, 2, {39, 40}}, Case{0x40, 3, 0, 0, {39, 40}}}) {
        plug(Flavour::Modern);
        for (unsigned bit : {38u, 39u, 40u})
            device.offered.add(bit);
        capability(VirtioPci::common_cfg).length = c.common;
        card->notify_multiplier = c.multiplier;
        if (c.notify == 3)
            card->notify_offset = [](u16) { return u16{0}; };
        auto& notify = capability(VirtioPci::notify_cfg);
        notify.extra = {c.multiplier};
        notify.length = c.notify;
        notify.offset += c.skew;
        auto transport = find();
        ASSERT_TRUE(transport);
        auto expected = FeatureSet::of(c.allowed);
        expected.add(32);
        EXPECT_EQ(negotiate(*transport), expected) << c.common << ' ' << c.notify << ' ' << c.skew;
        RingMemory ring(64, false);
        EXPECT_TRUE(transport->activate_queue({0}, 64, ring.addresses));
        reset(*transport);
        transport.reset();
        card.reset();
        bus.reset();
    }
}

// covers: pci.modern.52
// 32 bits reach further than 16, and have to be aligned.
TEST_F(PciTransport, a_notification_with_data_has_to_fit) {
    for (u32 length : {0x10u, 0x12u, 0x14u}) {
        plug(Flavour::Modern);
        device.offered.add(38);
        card->notify_offset = [](u16) { return u16{4}; };
        capability(VirtioPci::notify_cfg).length = length;
        auto transport = find();
        ASSERT_TRUE(transport);
        negotiate(*transport);
        RingMemory ring(64, false);
        EXPECT_EQ(transport->activate_queue({0}, 64, ring.addresses).has_value(), length == 0x14) << length;
        EXPECT_EQ(device.queue(0).enabled, length == 0x14);
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

// covers: pci.modern.32 pci.modern.38 pci.modern.41 pci.modern.42 pci.modern.43
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

// covers: pci.modern.35 pci.modern.36 pci.modern.37
TEST_F(PciTransport, the_access_through_configuration_space_is_not_used_where_bars_have_room) {
    plug(Flavour::Modern);
    card->build_config_space();
    ASSERT_TRUE(host->scan());
    hosted::start_trace();
    auto transport = find();
    ASSERT_TRUE(transport);
    negotiate(*transport);
    u64 window = bus->host().ecam.cpu + (u64{2} << 15) + card->find_capability(VirtioPci::pci_cfg);
    for (const hosted::Access& access : hosted::stop_trace())
        EXPECT_FALSE(access.address > window && access.address < window + 20);
    reset(*transport);
}

// covers: pci.modern.30 pci.modern.31
TEST_F(PciTransport, administration_queues_are_left_alone) {
    plug(Flavour::Modern);
    device.offered.add(41);
    auto transport = find();
    ASSERT_TRUE(transport);
    EXPECT_FALSE(negotiate(*transport).has(41));
    EXPECT_EQ(transport->queue_size_max({2}).value(), 0); // behind num_queues
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
