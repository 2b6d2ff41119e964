// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/mmio/mmio_source.h"

#include "hosted/access_trace.h"
#include "hosted/fakes/mmio.h"
#include "unit/virtio/transport/fixture.h"

namespace vireo::virtio {
namespace {

using fake::MmioSlot;
using test::place_of;
using test::PlainDevice;
using test::RingMemory;

constexpr u64 base = 0x0a00'3e00;
virtio::MmioSlot slot_at(u64 address) { return {address, MmioSlot::bytes}; }

class Mmio : public test::TransportTest {
  protected:
    std::unique_ptr<Transport> probe(u32 version) {
        slot.emplace(base, version, &device);
        auto found = probe_mmio(slot_at(base));
        EXPECT_TRUE(found);
        return std::move(*found);
    }
    PlainDevice device;
    std::optional<MmioSlot> slot;
};

// covers: mmio.10 mmio.11 mmio.24 mmio.25 mmio.26 mmio.27
TEST_F(Mmio, an_empty_slot_is_silent_and_only_identified) {
    MmioSlot empty(base, 2, nullptr);
    hosted::start_trace();
    EXPECT_EQ(probe_mmio(slot_at(base)).error().code, ErrorCode::NotFound);
    std::vector<u64> offsets;
    for (const hosted::Access& access : hosted::stop_trace())
        if (access.kind != hosted::Access::Kind::Barrier)
            offsets.push_back(access.address - base);
    EXPECT_EQ(offsets, (std::vector<u64>{0x000, 0x004, 0x008}));
}

// covers: mmio.06 mmio.07
TEST_F(Mmio, a_wrong_magic_value_is_skipped_with_a_warning) {
    slot.emplace(base, 2, &device);
    for (u32 magic : {0u, 0x7669'7274u, 0xffff'ffffu}) {
        slot->magic = magic;
        virtio::MmioSlot where[] = {slot_at(base)};
        test::Finds finds;
        MmioSource(where).enumerate(finds);
        EXPECT_TRUE(finds.all.empty());
        EXPECT_EQ(take_warnings(),
                  "warning: mmio@a003e00: no VirtIO registers (wrong MagicValue); ignored\n");
    }
    EXPECT_EQ(slot->register_reads(), 3u);
}

// covers: mmio.08 mmio.09
TEST_F(Mmio, an_unknown_version_is_skipped_with_a_warning) {
    slot.emplace(base, 2, &device);
    for (u32 version : {0u, 3u, 0xffff'ffffu}) {
        slot->version = version;
        EXPECT_EQ(probe_mmio(slot_at(base)).error().code, ErrorCode::NotSupported);
    }
}

TEST_F(Mmio, slots_that_cannot_be_reached_are_not_touched) {
    for (virtio::MmioSlot bad : {virtio::MmioSlot{base, 0x80}, virtio::MmioSlot{base + 2, 0x200},
                                 virtio::MmioSlot{~u64{0} - 0xff, 0x200}})
        EXPECT_EQ(probe_mmio(bad).error().code, ErrorCode::NotSupported);
}

TEST_F(Mmio, devices_come_in_the_order_of_the_slots) {
    PlainDevice second("entropy", 4);
    MmioSlot high(0x0a00'0200, 2, &device);
    MmioSlot empty(0x0a00'0400, 2, nullptr);
    MmioSlot low(0x0a00'0000, 1, &second);
    virtio::MmioSlot slots[] = {slot_at(0x0a00'0200), slot_at(0x0a00'0400), slot_at(0x0a00'0000)};
    test::Finds finds;
    MmioSource source(slots);
    source.enumerate(finds);
    source.enumerate(finds);
    ASSERT_EQ(finds.all.size(), 4u);
    EXPECT_EQ(finds.all[0]->device_type(), 2u);
    EXPECT_EQ(finds.all[0]->kind(), "MMIO v2");
    EXPECT_EQ(place_of(*finds.all[0]), "mmio@a000200");
    EXPECT_EQ(finds.all[1]->device_type(), 4u);
    EXPECT_EQ(finds.all[1]->kind(), "MMIO v1 (legacy)");
    EXPECT_TRUE(finds.all[0]->is_same_place(*finds.all[2]));
    EXPECT_FALSE(finds.all[0]->is_same_place(*finds.all[1]));
}

// The fake complains about every access of a wrong width, direction or order, and about undefined registers.
// covers: mmio.01 mmio.02 mmio.03 mmio.04 mmio.12 mmio.13 mmio.14 mmio.28 mmio.29 mmio.36 mmio.37
TEST_F(Mmio, a_modern_device_is_brought_up_and_notified) {
    device.offered.add(28);
    device.offered.add(33);
    auto transport = probe(2);
    EXPECT_FALSE(transport->is_legacy());
    EXPECT_EQ(transport->ring_layout(), RingLayout::Separate);
    EXPECT_EQ(transport->queue_count(), std::nullopt);
    EXPECT_EQ(negotiate(*transport), FeatureSet::of({28, 32, 33}));
    EXPECT_EQ(transport->queue_size_max({1}).value(), 256);
    RingMemory ring(64, false);
    auto bell = transport->activate_queue({1}, 64, ring.addresses);
    ASSERT_TRUE(bell);
    EXPECT_EQ(device.queue(1).size, 64);
    EXPECT_EQ(device.queue(1).descriptors, ring.addresses.descriptors.value);
    EXPECT_EQ(device.queue(1).driver_area, ring.addresses.driver.value);
    EXPECT_EQ(device.queue(1).device_area, ring.addresses.device.value);
    go_live(*transport);
    device.report_unwelcome_notifications = false;
    hosted::start_trace();
    bell->ring();
    auto trace = hosted::stop_trace();
    ASSERT_GE(trace.size(), 1u);
    EXPECT_EQ(trace[0].address, base + 0x50);
    EXPECT_EQ(trace[0].width, 4);
    EXPECT_EQ(trace[0].value, 1u);
    EXPECT_EQ(device.queue(1).notifications, 1u);
    EXPECT_EQ(device.queue(0).notifications, 0u);
    reset(*transport);
}

// covers: mmio.35
TEST_F(Mmio, queues_that_do_not_exist_have_size_0) {
    auto transport = probe(2);
    negotiate(*transport);
    EXPECT_EQ(transport->queue_size_max({2}).value(), 0);
    device.queue(1).size_max = 0;
    EXPECT_EQ(transport->queue_size_max({1}).value(), 0);
}

// covers: mmio.15 mmio.35 mmio.legacy.03
TEST_F(Mmio, a_queue_that_an_earlier_owner_left_in_use_breaks_the_device) {
    for (u32 version : {2u, 1u}) {
        auto transport = probe(version);
        negotiate(*transport);
        slot->queue_stuck = true;
        EXPECT_EQ(transport->queue_size_max({0}).error().code, ErrorCode::DeviceBroken);
        RingMemory ring(64, version == 1);
        EXPECT_EQ(transport->activate_queue({0}, 64, ring.addresses).error().code, ErrorCode::DeviceBroken);
        reset(*transport);
        slot.reset();
    }
}

// covers: mmio.16 mmio.17
TEST_F(Mmio, a_queue_is_stopped_by_queue_ready) {
    auto transport = probe(2);
    negotiate(*transport);
    RingMemory ring(64, false);
    ASSERT_TRUE(transport->activate_queue({0}, 64, ring.addresses));
    device.faults.queue_disable_polls = 5;
    hosted::start_trace();
    EXPECT_TRUE(transport->stop_queue({0}));
    unsigned reads = 0;
    for (const hosted::Access& access : hosted::stop_trace())
        reads += access.kind == hosted::Access::Kind::Read && access.address == base + 0x44;
    EXPECT_EQ(reads, 6u);
    EXPECT_FALSE(device.queue(0).enabled);
    reset(*transport);
}

TEST_F(Mmio, a_queue_that_never_stops_times_out) {
    auto transport = probe(2);
    negotiate(*transport);
    slot->queue_stuck = true;
    EXPECT_EQ(transport->stop_queue({0}).error().code, ErrorCode::Timeout);
    EXPECT_GE(hosted::clock_now(), hosted::second);
    EXPECT_LT(hosted::clock_now(), 60 * hosted::second); // the clock leaps while nothing happens
}

// covers: mmio.21 mmio.22 mmio.23 gen.vqreset.01 gen.vqreset.03
TEST_F(Mmio, a_queue_is_reset_and_started_again) {
    device.offered.add(40);
    auto transport = probe(2);
    EXPECT_TRUE(negotiate(*transport).has(40));
    RingMemory ring(64, false);
    RingMemory other(16, false);
    ASSERT_TRUE(transport->activate_queue({1}, 64, ring.addresses));
    go_live(*transport);
    for (unsigned polls : {0u, 1u, 50u}) {
        device.faults.queue_disable_polls = polls;
        hosted::start_trace();
        EXPECT_TRUE(transport->reset_queue({1}));
        unsigned reads = 0;
        for (const hosted::Access& access : hosted::stop_trace()) {
            EXPECT_FALSE(access.kind == hosted::Access::Kind::Write && access.address == base + 0x44);
            reads += access.kind == hosted::Access::Kind::Read && access.address == base + 0xc0;
        }
        EXPECT_GT(reads, polls);
        EXPECT_FALSE(device.queue(1).enabled);
        device.faults.queue_disable_polls = 0;
        // Smaller than before, and elsewhere; the fake complains about a queue that is not programmed whole.
        auto bell = transport->activate_queue({1}, 16, other.addresses);
        ASSERT_TRUE(bell);
        EXPECT_EQ(device.queue(1).size, 16);
        EXPECT_EQ(device.queue(1).descriptors, other.addresses.descriptors.value);
    }
    reset(*transport);
}

// covers: gen.vqreset.01
// The first is what QEMU 7.2 does: it offers the feature and does not know the register.
TEST_F(Mmio, a_queue_reset_that_is_not_confirmed_is_an_error) {
    device.offered.add(40);
    auto transport = probe(2);
    negotiate(*transport);
    RingMemory ring(64, false);
    ASSERT_TRUE(transport->activate_queue({0}, 64, ring.addresses));
    slot->has_queue_reset = false;
    EXPECT_EQ(transport->reset_queue({0}).error().code, ErrorCode::DeviceBroken);
    EXPECT_TRUE(device.queue(0).enabled);
    slot->has_queue_reset = true;
    device.faults.queue_disable_polls = 1'000'000'000;
    EXPECT_EQ(transport->reset_queue({0}).error().code, ErrorCode::Timeout);
    EXPECT_LT(hosted::clock_now(), 60 * hosted::second);
    device.faults.queue_disable_polls = 0;
    reset(*transport);
}

TEST_F(Mmio, a_queue_is_not_reset_without_the_feature) {
    auto transport = probe(2);
    negotiate(*transport);
    RingMemory ring(64, false);
    ASSERT_TRUE(transport->activate_queue({0}, 64, ring.addresses));
    u64 reads = slot->register_reads();
    EXPECT_EQ(transport->reset_queue({0}).error().code, ErrorCode::NotSupported);
    EXPECT_EQ(slot->register_reads(), reads);
    EXPECT_TRUE(device.queue(0).enabled);
    reset(*transport);
    // Nor in a life after the one that had it.
    device.offered.add(40);
    negotiate(*transport);
    transport->set_status(0);
    EXPECT_EQ(transport->reset_queue({0}).error().code, ErrorCode::NotSupported);
}

// There is no register for the device's numbers, so that feature must not be accepted (see spec-coverage).
// covers: mmio.37 gen.notif.01 gen.notif.02
TEST_F(Mmio, notifications_carry_data) {
    device.offered.add(38);
    device.offered.add(39);
    auto transport = probe(2);
    EXPECT_EQ(negotiate(*transport), FeatureSet::of({32, 38}));
    RingMemory ring(64, false);
    auto bell = transport->activate_queue({1}, 64, ring.addresses);
    ASSERT_TRUE(bell);
    go_live(*transport);
    device.report_unwelcome_notifications = false;
    for (u16 next : {u16{0x8005}, u16{0x8005}, u16{0}}) {
        hosted::start_trace();
        bell->ring_with(next);
        auto trace = hosted::stop_trace();
        ASSERT_GE(trace.size(), 1u);
        EXPECT_EQ(trace[0].address, base + 0x50);
        EXPECT_EQ(trace[0].width, 4);
        EXPECT_EQ(trace[0].value, u32{next} << 16 | 1);
    }
    reset(*transport);
}

// covers: mmio.18 mmio.19 mmio.20 mmio.30 mmio.31 mmio.32
TEST_F(Mmio, events_are_acknowledged_and_undefined_ones_ignored) {
    auto transport = probe(2);
    negotiate(*transport);
    go_live(*transport);
    slot->undefined_events = 0xffff'fffc;
    DeviceEvents events = transport->take_events();
    EXPECT_FALSE(events.queues || events.config);
    device.raise(1);
    events = transport->take_events();
    EXPECT_TRUE(events.queues && !events.config);
    device.raise(3);
    events = transport->take_events();
    EXPECT_TRUE(events.queues && events.config);
    events = transport->take_events();
    EXPECT_FALSE(events.queues || events.config);
}

// covers: mmio.05
TEST_F(Mmio, configuration_is_accessed_in_the_width_of_its_fields) {
    auto transport = probe(2);
    negotiate(*transport);
    EXPECT_EQ(transport->read_config(0, 4).value(), 0x5566'7788u);
    EXPECT_EQ(transport->read_config(4, 4).value(), 0x1122'3344u);
    EXPECT_EQ(transport->read_config(8, 4).value(), 0xaabb'ccddu);
    EXPECT_EQ(transport->read_config(12, 2).value(), 0xe0f0u);
    EXPECT_EQ(transport->read_config(14, 1).value(), 0x55u);
    EXPECT_TRUE(transport->write_config(15, 1, 0xa5));
    EXPECT_EQ(transport->read_config(15, 1).value(), 0xa5u);
    EXPECT_TRUE(transport->write_config(12, 2, 0x1234));
    EXPECT_EQ(transport->read_config(12, 2).value(), 0x1234u);
    // Beyond the slot.
    EXPECT_EQ(transport->read_config(0x100, 1).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(transport->read_config(0xffff'fffc, 4).error().code, ErrorCode::OutOfRange);
    EXPECT_EQ(transport->write_config(0x100, 4, 0).error().code, ErrorCode::OutOfRange);
}

// covers: mmio.34
TEST_F(Mmio, the_generation_changes_with_the_configuration) {
    auto transport = probe(2);
    negotiate(*transport);
    auto before = transport->config_generation();
    ASSERT_TRUE(before);
    EXPECT_EQ(transport->config_generation(), before);
    device.change_config([](auto& bytes) { bytes[0] = 1; });
    EXPECT_NE(transport->config_generation(), before);
}

TEST_F(Mmio, a_device_that_is_gone_is_never_ready) {
    for (u32 version : {2u, 1u}) {
        auto transport = probe(version);
        device.faults.gone = true;
        EXPECT_EQ(transport->status(), 0xff);
        EXPECT_FALSE(transport->queue_size_max({0}));
        RingMemory ring(64, version == 1);
        EXPECT_FALSE(transport->activate_queue({0}, 64, ring.addresses));
        EXPECT_EQ(transport->stop_queue({0}).error().code, ErrorCode::Timeout);
        EXPECT_FALSE(transport->reset_queue({0}));
        EXPECT_EQ(probe_mmio(slot_at(base)).error().code, ErrorCode::NotSupported);
        device.faults.gone = false;
        slot.reset();
    }
}

// --- version 1 ---------------------------------------------------------------------------------------------------

// covers: mmio.legacy.01 mmio.legacy.02 mmio.legacy.04 mmio.legacy.06
TEST_F(Mmio, a_legacy_device_is_brought_up_and_notified) {
    device.offered.add(5);
    device.offered.add(27);
    device.offered.words[1] = 0xffff'ffff; // must not be looked at
    auto transport = probe(1);
    EXPECT_TRUE(transport->is_legacy());
    EXPECT_EQ(transport->ring_layout(), RingLayout::Contiguous);
    EXPECT_EQ(transport->config_generation(), std::nullopt);
    EXPECT_EQ(negotiate(*transport), FeatureSet::of({5, 27}));
    RingMemory first(128, true);
    RingMemory second(256, true);
    EXPECT_EQ(transport->queue_size_max({0}).value(), 256);
    ASSERT_TRUE(transport->activate_queue({0}, 128, first.addresses));
    auto bell = transport->activate_queue({1}, 256, second.addresses);
    ASSERT_TRUE(bell);
    EXPECT_EQ(device.queue(0).descriptors, first.addresses.descriptors.value);
    EXPECT_EQ(device.queue(0).device_area, first.addresses.device.value);
    EXPECT_EQ(device.queue(1).device_area, second.addresses.device.value);
    go_live(*transport);
    device.report_unwelcome_notifications = false;
    bell->ring();
    EXPECT_EQ(device.queue(1).notifications, 1u);
    reset(*transport);
}

TEST_F(Mmio, the_page_size_is_written_again_after_a_reset) {
    auto transport = probe(1);
    for (int life = 0; life < 2; ++life) {
        negotiate(*transport);
        RingMemory ring(64, true);
        hosted::start_trace();
        ASSERT_TRUE(transport->activate_queue({0}, 64, ring.addresses));
        ASSERT_TRUE(transport->activate_queue({1}, 64, ring.addresses));
        unsigned written = 0;
        for (const hosted::Access& access : hosted::stop_trace())
            if (access.kind == hosted::Access::Kind::Write && access.address == base + 0x28) {
                EXPECT_EQ(access.value, 4096u);
                ++written;
            }
        EXPECT_EQ(written, 1u);
        reset(*transport);
    }
}

TEST_F(Mmio, a_legacy_ring_out_of_reach_is_refused) {
    auto transport = probe(1);
    negotiate(*transport);
    QueueAddresses high{{u64{1} << 44}, {(u64{1} << 44) + 1024}, {(u64{1} << 44) + 4096}};
    EXPECT_EQ(transport->activate_queue({0}, 64, high).error().code, ErrorCode::InvalidArgument);
    EXPECT_FALSE(device.queue(0).enabled);
}

// covers: mmio.legacy.05
TEST_F(Mmio, a_legacy_queue_is_stopped_with_page_number_0) {
    auto transport = probe(1);
    negotiate(*transport);
    RingMemory ring(64, true);
    ASSERT_TRUE(transport->activate_queue({0}, 64, ring.addresses));
    EXPECT_TRUE(transport->stop_queue({0}));
    EXPECT_FALSE(device.queue(0).enabled);
}

} // namespace
} // namespace vireo::virtio
