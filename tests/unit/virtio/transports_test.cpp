// SPDX-License-Identifier: Apache-2.0
// One suite over every transport and every combination of ring features.
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

std::string setup_name(const testing::TestParamInfo<Bus>& info) {
    const Rings& rings = info.param.rings;
    return name_of(info.param) + (rings.packed ? "Packed" : "") + (rings.in_order ? "InOrder" : "") +
           (rings.event_idx ? "EventIdx" : "Flags") + (rings.indirect ? "Indirect" : "Direct");
}

std::vector<Bus> all_setups() {
    std::vector<Bus> setups;
    std::vector<Bus> buses(std::begin(all_buses), std::end(all_buses));
    buses.push_back(Bus::PciNoRoom);
    for (Bus bus : buses)
        for (bool event_idx : {false, true})
            for (bool indirect : {false, true})
                for (bool packed : {false, true})
                    for (bool in_order : {false, true})
                        if (!is_legacy(bus) || (!packed && !in_order))
                            setups.push_back({bus,
                                              {.packed = packed,
                                               .in_order = in_order,
                                               .event_idx = event_idx,
                                               .indirect = indirect}});
    return setups;
}

class Transports : public OnBus {
  protected:
    fake::Blk& plug_disk() { return machine.plug_disk(); }
    const Rings& rings() const { return GetParam().rings; }
};

// The fakes report each write into a PCI capability: the PCI_CFG window is not used where there is room for
// BARs, and as the standard wants it where there is none.
// covers: pci.modern.16, pci.modern.35, pci.modern.36, pci.modern.37
// covers: gen.init.02, gen.init.03, gen.init.07, gen.init.11, gen.legacy.05, gen.status.01
TEST_P(Transports, bring_up_takes_the_steps_in_order) {
    fake::Blk& disk = plug_disk();
    machine.start();
    ASSERT_EQ(machine.state(), virtio::Session::State::Running);
    std::vector<u8> expected =
        is_legacy(GetParam()) ? std::vector<u8>{0, 1, 3, 7} : std::vector<u8>{0, 1, 3, 11, 15};
    if (rings().in_order) // asked for when the device runs, which starts it anew
        expected.insert(expected.end(), expected.begin(), expected.begin() + 5);
    EXPECT_EQ(disk.status_log(), expected);
    EXPECT_EQ(disk.accepted().has(fake::feature::event_idx), rings().event_idx);
    EXPECT_EQ(disk.accepted().has(fake::feature::indirect_desc), rings().indirect);
    EXPECT_EQ(disk.accepted().has(fake::feature::ring_packed), rings().packed);
    EXPECT_EQ(disk.accepted().has(fake::feature::in_order), rings().in_order);
}

TEST_P(Transports, reads_what_the_disk_holds) {
    plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    for (u64 sector : {u64{0}, u64{1}, u64{8191}}) {
        auto bytes = bytes_of(512);
        ASSERT_TRUE(machine.disk()->read(sector, bytes));
        EXPECT_TRUE(has_pattern(bytes, sector));
    }
    auto all = bytes_of(8192 * 512);
    ASSERT_TRUE(machine.disk()->read(0, all));
    EXPECT_TRUE(has_pattern(all, 0));
}

TEST_P(Transports, writes_reach_the_disk_and_nothing_else_changes) {
    fake::Blk& disk = plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    auto bytes = bytes_of(5 * 512, 0x5a);
    ASSERT_TRUE(machine.disk()->write(100, bytes));
    ASSERT_TRUE(machine.disk()->flush());
    auto back = bytes_of(7 * 512);
    ASSERT_TRUE(disk.disk().read(99, back.data(), back.size()));
    EXPECT_TRUE(has_pattern(Bytes(back).first(512), 99));
    EXPECT_EQ(std::memcmp(back.data() + 512, bytes.data(), bytes.size()), 0);
    EXPECT_TRUE(has_pattern(Bytes(back).last(512), 105));
}

// Requests that take time, in an order of their own.
TEST_P(Transports, completions_out_of_order_reach_their_requests) {
    fake::Blk& disk = plug_disk();
    disk.latency = [](u64 n) { return (1 + n * 7 % 5) * hosted::millisecond; };
    machine.start();
    ASSERT_TRUE(machine.disk());
    std::vector<std::vector<std::byte>> pieces;
    std::vector<device::BlockExtent> extents;
    for (u64 i = 0; i < 40; ++i) {
        pieces.push_back(bytes_of(1024));
        extents.push_back({(i * 37) % 4000 * 2, pieces.back().data(), 1024});
    }
    ASSERT_TRUE(machine.disk()->read(extents));
    for (usize i = 0; i < extents.size(); ++i)
        EXPECT_TRUE(has_pattern(pieces[i], extents[i].first_block)) << i;
}

// covers: ring.split.27, ring.split.31
// A device that asks not to be notified and polls instead.
TEST_P(Transports, suppressed_notifications_are_not_sent) {
    fake::Blk& disk = plug_disk();
    disk.faults.suppresses_notifications = true;
    machine.start();
    ASSERT_TRUE(machine.disk());
    u64 before = disk.queue(0).notifications;
    auto bytes = bytes_of(64 * 512);
    ASSERT_TRUE(machine.disk()->read(8, bytes));
    EXPECT_TRUE(has_pattern(bytes, 8));
    EXPECT_EQ(disk.queue(0).notifications, before);
}

// covers: ring.split.20, gen.init.08
TEST_P(Transports, spurious_events_are_harmless) {
    fake::Blk& disk = plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    for (int i = 0; i < 5; ++i) {
        disk.raise(fake::event::queue | fake::event::config);
        machine.loop.poll_once();
    }
    auto bytes = bytes_of(512);
    ASSERT_TRUE(machine.disk()->read(3, bytes));
    EXPECT_TRUE(has_pattern(bytes, 3));
    EXPECT_EQ(machine.state(), virtio::Session::State::Running);
}

// defects-seen.txt
// covers: gen.cleanup.01
TEST_P(Transports, device_rewriting_descriptors_changes_nothing) {
    fake::Blk& disk = plug_disk();
    disk.faults.scribbles = true;
    disk.latency = [](u64) { return hosted::millisecond; };
    machine.start();
    ASSERT_TRUE(machine.disk());
    for (int round = 0; round < 3; ++round) {
        auto bytes = bytes_of(2000 * 512);
        ASSERT_TRUE(machine.disk()->read(16, bytes));
        EXPECT_TRUE(has_pattern(bytes, 16));
    }
}

// defects-seen.txt; covers: gen.cleanup.02, gen.init.01, gen.status.02
TEST_P(Transports, quiesce_before_handoff) {
    fake::Blk& disk = plug_disk();
    disk.latency = [](u64) { return hosted::second; };
    machine.start();
    ASSERT_EQ(machine.state(), virtio::Session::State::Running);
    u64 resets = disk.resets();
    (void)machine.manager.quiesce_all();
    EXPECT_EQ(disk.resets(), resets + 1);
    EXPECT_EQ(disk.status(), 0);
    EXPECT_EQ(hosted::DmaArena::instance().live_buffers(), 0u);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    auto bytes = bytes_of(512);
    EXPECT_FALSE(machine.disk()->read(0, bytes));
}

// defects-seen.txt: the hosted DMA back end bounces, so a missing unshare would leave poison
// in the caller's bytes.
TEST_P(Transports, unshare_is_always_called) {
    plug_disk();
    machine.start();
    ASSERT_TRUE(machine.disk());
    auto bytes = bytes_of(16 * 512);
    ASSERT_TRUE(machine.disk()->read(0, bytes));
    EXPECT_TRUE(has_pattern(bytes, 0));
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
}

INSTANTIATE_TEST_SUITE_P(All, Transports, testing::ValuesIn(all_setups()), setup_name);

// Section 2.8.10.1: the size of a packed queue does not have to be a power of two.
TEST(PackedQueues, work_in_any_size) {
    for (Bus bus : packed_buses)
        for (bool indirect : {false, true})
            for (u16 size : {4, 5, 7, 100, 1023, 32768}) {
                Rings rings = bus.rings;
                rings.indirect = indirect;
                Machine machine({bus, rings});
                fake::Blk& disk = machine.plug_disk();
                disk.queue(0).size_max = size;
                disk.latency = [](u64 n) { return (1 + n * 7 % 5) * hosted::millisecond; };
                machine.start();
                ASSERT_TRUE(machine.disk()) << size;
                ASSERT_TRUE(disk.queue(0).packed()) << size;
                for (int lap = 0; lap < 4; ++lap) {
                    auto bytes = bytes_of(200 * 512);
                    ASSERT_TRUE(machine.disk()->read(8, bytes)) << size;
                    EXPECT_TRUE(has_pattern(bytes, 8)) << size;
                }
            }
}

} // namespace
} // namespace vireo::test
