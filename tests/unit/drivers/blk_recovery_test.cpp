// SPDX-License-Identifier: Apache-2.0
// What becomes of a disk's requests when the device, or one of its queues, is reset under them.
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

using fake::Blk;
using State = virtio::Session::State;

class BlkRecovery : public testing::TestWithParam<Bus> {
  protected:
    // Sixteen requests and more in flight when the device asks for a reset, after `change`.
    static void ask_for_reset(Blk& disk, std::function<void()> change = [] {}) {
        hosted::schedule(150 * hosted::millisecond, [&disk, change = std::move(change)] {
            change();
            disk.need_reset();
        });
    }
    static Blk& plug_slow_disk(Machine& machine, usize queues = 1) {
        Blk& disk = machine.plug_disk(65536, queues);
        disk.set_size_max(65536);
        disk.set_seg_max(1);
        disk.latency = [](u64) { return 400 * hosted::millisecond; };
        return disk;
    }
};
INSTANTIATE_TEST_SUITE_P(All, BlkRecovery, on(modern_buses), bus_name);

// covers: gen.status.04
TEST_P(BlkRecovery, a_read_survives_a_device_that_needs_a_reset) {
    for (usize queues : {1u, 4u}) {
        Machine machine(GetParam());
        Blk& disk = plug_slow_disk(machine, queues);
        if (queues > 1)
            disk.set_num_queues(static_cast<u16>(queues));
        machine.start();
        ASSERT_TRUE(machine.disk());
        u64 resets = disk.resets();
        u64 serials = disk.count(Blk::type_get_id);
        ask_for_reset(disk);
        auto bytes = bytes_of(8 << 20);
        ASSERT_TRUE(machine.disk()->read(3, bytes));
        EXPECT_TRUE(has_pattern(bytes, 3));
        EXPECT_EQ(disk.resets(), resets + 1);
        EXPECT_EQ(machine.state(), State::Running);
        EXPECT_EQ(disk.count(Blk::type_get_id), serials); // nobody waits for the name a second time
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        EXPECT_EQ(std::string_view(machine.disk()->facts().serial), disk.serial);
    }
}

TEST_P(BlkRecovery, writes_flushes_and_zeroes_survive_it_too) {
    Machine machine(GetParam());
    Blk& disk = plug_slow_disk(machine);
    disk.set_discard(1000, 1);
    disk.set_write_zeroes(1000, 1);
    machine.start();
    ASSERT_TRUE(machine.disk());
    auto bytes = bytes_of(4 << 20, 0x42);
    ask_for_reset(disk);
    ASSERT_TRUE(machine.disk()->write(100, bytes));
    ask_for_reset(disk);
    ASSERT_TRUE(machine.disk()->flush());
    EXPECT_GE(disk.count(Blk::type_flush), 1u);
    ask_for_reset(disk);
    ASSERT_TRUE(machine.disk()->write_zeroes(20'000, 5000));
    ask_for_reset(disk);
    ASSERT_TRUE(machine.disk()->discard(30'000, 5000));
    auto back = bytes_of(4 << 20);
    ASSERT_TRUE(machine.disk()->read(100, back));
    EXPECT_EQ(back, bytes);
    back = bytes_of(5000 * 512);
    ASSERT_TRUE(machine.disk()->read(20'000, back));
    EXPECT_EQ(back, bytes_of(5000 * 512, 0));
}

// The device that comes out of the reset is another one: what cannot be carried out there ends with an error.
TEST_P(BlkRecovery, requests_are_checked_against_the_disk_that_came_back) {
    struct {
        const char* name;
        std::function<void(Blk&)> change;
        bool writes;
    } const cases[] = {
        {"smaller", [](Blk& disk) { disk.set_capacity(1000); }, false},
        {"other blocks", [](Blk& disk) { disk.set_block_size(4096); }, false},
        {"empty", [](Blk& disk) { disk.set_capacity(0); }, false},
        {"read-only", [](Blk& disk) { disk.offered.add(Blk::read_only); }, true},
        {"shorter segments", [](Blk& disk) { disk.set_size_max(4096); }, false},
    };
    for (auto& [name, change, writes] : cases) {
        Machine machine(GetParam());
        Blk& disk = plug_slow_disk(machine);
        machine.start();
        ASSERT_TRUE(machine.disk());
        ask_for_reset(disk, [&] { change(disk); });
        auto bytes = bytes_of(8 << 20);
        u64 begin = hosted::clock_now();
        auto outcome = writes ? machine.disk()->write(2000, bytes) : machine.disk()->read(2000, bytes);
        EXPECT_FALSE(outcome) << name;
        EXPECT_LT(hosted::clock_now() - begin, 5 * hosted::second) << name;
        EXPECT_EQ(machine.state(), State::Running) << name;
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u) << name;
        auto small = bytes_of(4096);
        if (machine.disk()->facts().block_count > 0)
            EXPECT_TRUE(machine.disk()->read(0, small)) << name;
    }
}

// Less room than before: what does not fit waits until something has come back.
TEST_P(BlkRecovery, fewer_places_in_flight_than_before) {
    Machine machine(GetParam());
    Blk& disk = plug_slow_disk(machine);
    machine.start();
    ASSERT_TRUE(machine.disk());
    ask_for_reset(disk, [&] { disk.queue(0).size_max = 8; });
    auto bytes = bytes_of(4 << 20);
    ASSERT_TRUE(machine.disk()->read(3, bytes));
    EXPECT_TRUE(has_pattern(bytes, 3));
    EXPECT_EQ(machine.disk()->facts().queue_depth, 8);
}

// A device that asks again and again: an error in the end, and no request is left.
TEST_P(BlkRecovery, a_device_that_never_stops_asking_is_given_up) {
    Machine machine(GetParam());
    Blk& disk = plug_slow_disk(machine);
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.faults.never_completes = true;
    std::function<void()> again = [&] {
        disk.need_reset();
        hosted::schedule(200 * hosted::millisecond, again);
    };
    hosted::schedule(100 * hosted::millisecond, again);
    auto bytes = bytes_of(4 << 20);
    EXPECT_EQ(machine.disk()->read(0, bytes).error().code, ErrorCode::DeviceBroken);
    EXPECT_EQ(machine.state(), State::Broken);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
}

// The device does not come up again: what was kept ends with the reason.
TEST_P(BlkRecovery, kept_requests_end_when_the_device_stays_away) {
    Machine machine(GetParam());
    Blk& disk = plug_slow_disk(machine);
    machine.start();
    ASSERT_TRUE(machine.disk());
    ask_for_reset(disk, [&] { disk.set_capacity(~u64{0}); }); // no disk has that much: start() refuses
    auto bytes = bytes_of(4 << 20);
    EXPECT_FALSE(machine.disk()->read(0, bytes));
    EXPECT_NE(machine.state(), State::Running);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
}

// With RING_RESET a timeout costs the queues that hang, not the device; and only their requests.
// covers: gen.vqreset.01
TEST_P(BlkRecovery, giving_up_resets_the_queues_alone) {
    Machine machine(GetParam());
    Blk& disk = plug_slow_disk(machine, 3);
    disk.set_num_queues(3);
    disk.offered.add(fake::feature::ring_reset);
    machine.start();
    ASSERT_TRUE(machine.manager.wish(0, "ring_reset", system::FeatureWish::On));
    ASSERT_TRUE(machine.manager.rescan());
    ASSERT_TRUE(machine.disk());
    ASSERT_TRUE(disk.accepted().has(fake::feature::ring_reset));
    u64 resets = disk.resets();
    auto bytes = bytes_of(8 << 20);
    for (int round = 0; round < 3; ++round) {
        disk.faults.never_completes = true;
        u64 event = hosted::schedule(hosted::second, [&] { machine.loop.request_interrupt(); });
        EXPECT_EQ(machine.disk()->read(0, bytes).error().code, ErrorCode::Interrupted);
        hosted::cancel(event);
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        disk.faults.never_completes = false;
        ASSERT_TRUE(machine.disk()->read(3, bytes));
        EXPECT_TRUE(has_pattern(bytes, 3));
    }
    EXPECT_EQ(disk.resets(), resets);
    EXPECT_EQ(machine.session().statistics().queue_resets, 9u);
}

// The serial number is asked for once, and a device that asks for a reset meanwhile is a disk without one.
TEST_P(BlkRecovery, a_reset_while_the_serial_number_is_asked_for) {
    Machine machine(GetParam());
    Blk& disk = machine.plug_disk();
    disk.latency = [](u64 n) { return n == 0 ? 500 * hosted::millisecond : u64{0}; };
    hosted::schedule(150 * hosted::millisecond, [&] { disk.need_reset(); });
    u64 begin = hosted::clock_now();
    machine.start();
    EXPECT_LT(hosted::clock_now() - begin, hosted::second);
    ASSERT_TRUE(machine.disk());
    EXPECT_EQ(machine.state(), State::Running);
    EXPECT_EQ(std::string_view(machine.disk()->facts().serial), "");
    auto bytes = bytes_of(4096);
    EXPECT_TRUE(machine.disk()->read(0, bytes));
}

} // namespace
} // namespace vireo::test
