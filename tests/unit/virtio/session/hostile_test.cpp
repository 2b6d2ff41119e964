// SPDX-License-Identifier: Apache-2.0
// Devices that lie about what they did with a buffer, through the whole stack: each ends with an error within
// its deadline, nobody's memory is touched, and the other disk works.
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

using State = virtio::Session::State;
using fake::Blk;

class Hostile : public OnBus {
  protected:
    // Reads from a device that is about to lie. Whatever comes of it: no hang, no leak, the neighbour is
    // well, and after a rescan the device has another chance.
    void survive(const std::function<void(fake::Completion&)>& lie, bool may_succeed = false) {
        Blk& disk = machine.plug_disk();
        machine.plug_disk();
        disk.latency = [](u64 n) { return (1 + n % 4) * hosted::microsecond; };
        machine.start();
        ASSERT_TRUE(machine.disk(0) && machine.disk(1));
        disk.faults.lie = lie;
        for (int round = 0; round < 3; ++round) {
            auto bytes = bytes_of(256 * 512);
            u64 begin = hosted::clock_now();
            auto ended = machine.disk(0)->read(0, bytes);
            EXPECT_LT(hosted::clock_now() - begin, 60 * hosted::second);
            if (ended) {
                EXPECT_TRUE(may_succeed);
                EXPECT_TRUE(has_pattern(bytes, 0));
            }
            if (machine.state(0) != State::Aside)
                EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
            auto other = bytes_of(512);
            ASSERT_TRUE(machine.disk(1)->read(9, other));
            EXPECT_TRUE(has_pattern(other, 9));
        }
        disk.faults.lie = nullptr;
        auto recover = [&] {
            if (machine.state(0) == State::Aside)
                return machine.manager.reset(0).has_value(); // a request that was lost never comes back
            return machine.state(0) == State::Running || machine.manager.rescan();
        };
        ASSERT_TRUE(recover());
        EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
        auto bytes = bytes_of(256 * 512);
        // A packed ring can be out of step without a sign of it: the next request finds out, and it is reset.
        if (!machine.disk(0)->read(0, bytes)) {
            ASSERT_TRUE(recover());
            ASSERT_TRUE(machine.disk(0)->read(0, bytes)) << machine.listing(0);
        }
        EXPECT_TRUE(has_pattern(bytes, 0));
    }
    bool is_packed() const { return GetParam().rings.packed; }
};
INSTANTIATE_TEST_SUITE_P(All, Hostile, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, Hostile, on(packed_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Rings, Hostile, on(ring_variants), bus_name);

TEST_P(Hostile, never_completes) {
    survive([](fake::Completion& c) { c.times = 0; });
}

TEST_P(Hostile, completes_some_and_forgets_others) {
    survive([](fake::Completion& c) { c.times = c.number % 3 ? 1 : 0; }, true);
}

// covers: ring.split.36, ring.packed.31
TEST_P(Hostile, completes_twice) {
    // The second copy arrives with the next poll at the latest; data that was right remains right.
    survive([](fake::Completion& c) { c.times = 2; }, true);
}

TEST_P(Hostile, wrong_id) {
    survive([](fake::Completion& c) { c.id = static_cast<u32>(c.id + 1 + c.number % 7); });
}

// covers: ring.packed.30
TEST_P(Hostile, id_out_of_range) {
    // The id of a used descriptor in a packed ring has 16 bits.
    u32 beyond = is_packed() ? 0x7000 : 0x1'0000;
    survive([beyond](fake::Completion& c) { c.id = c.number % 2 ? 0xffff'ffff : beyond + c.id; });
}

// covers: ring.split.24
TEST_P(Hostile, length_beyond_the_buffer) {
    // Legacy lengths are not believed in the first place.
    survive([](fake::Completion& c) { c.bytes_written += 0x1'0000; }, is_legacy(GetParam()));
}

TEST_P(Hostile, length_zero) {
    survive([](fake::Completion& c) { c.bytes_written = 0; }, is_legacy(GetParam()));
}

// Late: the answer comes long after the deadline; nothing of it may reach anybody.
TEST_P(Hostile, an_answer_after_the_deadline_is_dropped) {
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.latency = [](u64) { return 3600 * hosted::second; };
    auto bytes = bytes_of(512, 0x11);
    EXPECT_EQ(machine.disk()->read(0, bytes).error().code, ErrorCode::Timeout);
    auto before = bytes;
    EXPECT_GT(hosted::DmaArena::instance().live_shares(), 0u);
    ASSERT_TRUE(machine.loop.sleep(event::Duration::seconds(7200)));
    EXPECT_EQ(bytes, before);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u) << "nobody has to ask for that";
    disk.latency = nullptr;
    ASSERT_TRUE(machine.disk()->read(0, bytes));
    EXPECT_TRUE(has_pattern(bytes, 0));
}

// Pulled out while it works: the request ends soon, the neighbour goes on, and one that is put
// in there works.
TEST_P(Hostile, removed_in_the_middle_of_a_request) {
    Blk& disk = machine.plug_disk();
    machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk(0) && machine.disk(1));
    machine.complaints.check_leaks = false; // nobody can confirm that it was reset
    disk.latency = [](u64) { return 10 * hosted::millisecond; };
    hosted::schedule(5 * hosted::millisecond, [&] { disk.remove(); });
    auto bytes = bytes_of(64 * 512);
    u64 begin = hosted::clock_now();
    EXPECT_FALSE(machine.disk(0)->read(0, bytes));
    EXPECT_LT(hosted::clock_now() - begin, 60 * hosted::second);
    auto other = bytes_of(512);
    ASSERT_TRUE(machine.disk(1)->read(9, other));
    EXPECT_TRUE(has_pattern(other, 9));
    EXPECT_FALSE(machine.disk(0)->read(0, bytes));
    disk.latency = nullptr;
    disk.insert();
    ASSERT_TRUE(machine.manager.rescan());
    ASSERT_TRUE(machine.disk(0)->read(0, bytes)) << machine.listing(0);
    EXPECT_TRUE(has_pattern(bytes, 0));
}

// covers: gen.status.05
// As long as something comes back in between, nobody notices.
TEST_P(Hostile, needs_a_reset_again_and_again) {
    if (is_legacy(GetParam()))
        return; // the status bit came with version 1
    Blk& disk = machine.plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    u64 resets = disk.resets();
    disk.faults.needs_reset_every = 4;
    for (u64 sector = 0; sector < 20; ++sector) {
        auto bytes = bytes_of(512);
        ASSERT_TRUE(machine.disk()->read(sector, bytes)) << sector;
        EXPECT_TRUE(has_pattern(bytes, sector));
    }
    EXPECT_GE(disk.resets(), resets + 4);
    // Not even one request in between: given up in the end.
    disk.faults.needs_reset_every = 1;
    auto bytes = bytes_of(512);
    u64 begin = hosted::clock_now();
    EXPECT_FALSE(machine.disk()->read(0, bytes));
    EXPECT_LT(hosted::clock_now() - begin, 60 * hosted::second);
    EXPECT_EQ(machine.state(), State::Broken);
    disk.faults.needs_reset_every = 0;
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_TRUE(machine.disk()->read(0, bytes));
}

// covers: blk.12
TEST_P(Hostile, shrinks_and_grows_between_requests) {
    Blk& disk = machine.plug_disk(64);
    machine.start();
    ASSERT_TRUE(machine.disk());
    auto bytes = bytes_of(512);
    ASSERT_TRUE(machine.disk()->read(63, bytes));
    disk.resize(16);
    machine.manager.refresh();
    EXPECT_EQ(machine.disk()->read(63, bytes).error().code, ErrorCode::OutOfRange);
    ASSERT_TRUE(machine.disk()->read(15, bytes));
    EXPECT_TRUE(has_pattern(bytes, 15));
    disk.resize(64);
    machine.manager.refresh();
    ASSERT_TRUE(machine.disk()->read(63, bytes));
    EXPECT_TRUE(has_pattern(bytes, 63));
}

// defects-seen.txt; covers: mmio.31, pci.modern.50
// Both disks have finished something: one look serves both.
TEST_P(Hostile, all_ready_queues_are_served) {
    machine.plug_disk();
    machine.plug_disk();
    machine.plug_rng();
    machine.start();
    ASSERT_TRUE(machine.disk(0) && machine.disk(1) && machine.entropy());
    auto a = bytes_of(512);
    auto b = bytes_of(512);
    auto c = bytes_of(16);
    for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(machine.disk(0)->read(1, a));
        ASSERT_TRUE(machine.disk(1)->read(2, b));
        ASSERT_TRUE(machine.entropy()->read(c));
    }
    EXPECT_TRUE(has_pattern(a, 1) && has_pattern(b, 2));
}

// defects-seen.txt A completion that starts the next request from the poller's call must find the queue in
// order: with a device that answers inside the notification, harvesting and submitting would otherwise nest.
TEST_P(Hostile, completion_never_runs_inside_harvest) {
    Blk& disk = machine.plug_disk(65536);
    disk.queue(0).size_max = 8;
    disk.set_seg_max(1);
    disk.set_size_max(4096);
    machine.start();
    ASSERT_TRUE(machine.disk());
    auto bytes = bytes_of(4 << 20); // a thousand requests through a queue that holds two or eight
    ASSERT_TRUE(machine.disk()->read(0, bytes));
    EXPECT_TRUE(has_pattern(bytes, 0));
}

} // namespace
} // namespace vireo::test
