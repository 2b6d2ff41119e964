// SPDX-License-Identifier: Apache-2.0
// Device configuration that changes while it is read (section 2.5).
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

using State = virtio::Session::State;
using fake::Blk;

class ConfigOnModern : public OnBus {};
INSTANTIATE_TEST_SUITE_P(All, ConfigOnModern, on(modern_buses), bus_name);
class ConfigOnBus : public OnBus {};
INSTANTIATE_TEST_SUITE_P(All, ConfigOnBus, on(all_buses), bus_name);
class ConfigOnModernEach : public testing::TestWithParam<Bus> {}; // makes its machines itself
INSTANTIATE_TEST_SUITE_P(All, ConfigOnModernEach, on(modern_buses), bus_name);
class ConfigOnLegacyEach : public testing::TestWithParam<Bus> {}; // makes its machines itself
INSTANTIATE_TEST_SUITE_P(All, ConfigOnLegacyEach, on(legacy_buses), bus_name);

constexpr u64 small = 0x0000'0001'0000'1000; // sectors: both halves of the two differ
constexpr u64 large = 0x0000'0002'0000'2000;

// defects-seen.txt; covers: gen.cfg.01, gen.cfg.02, gen.cfg.03, mmio.34, gen.legacy.04
// The capacity changes between its halves: a mixture of the two never comes out.
TEST_P(ConfigOnModernEach, config_torn_read_retries_then_fails) {
    for (unsigned changes : {1u, 2u, 5u}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk(small);
        unsigned left = changes;
        disk.faults.before_config_read = [&](u32 offset) {
            if (offset == 4 && left > 0) {
                --left;
                disk.set_capacity(left % 2 ? small : large);
                disk.bump_generation();
            }
        };
        each.start();
        ASSERT_EQ(each.state(), State::Running) << changes;
        u64 count = each.disk()->facts().block_count;
        EXPECT_TRUE(count == small || count == large) << std::hex << count;
        disk.faults.before_config_read = nullptr;
    }
    // It never comes to rest: an error after a bounded number of attempts.
    Machine machine(GetParam());
    Blk& disk = machine.plug_disk(small);
    disk.faults.before_config_read = [&](u32) { disk.bump_generation(); };
    machine.start();
    EXPECT_NE(machine.state(), State::Running);
    EXPECT_LT(disk.config_reads().size(), 10'000u);
    EXPECT_FALSE(machine.complaints.log().empty());
}

// defects-seen.txt; covers: gen.legacy.04, gen.legacy.03, blk.legacy.02
// No generation there: two readings must agree.
TEST_P(ConfigOnLegacyEach, legacy_config_read_until_stable) {
    for (unsigned changes : {1u, 2u, 5u}) {
        Machine each(GetParam());
        Blk& disk = each.plug_disk(small);
        unsigned left = changes;
        disk.faults.before_config_read = [&](u32 offset) {
            if (offset == 4 && left > 0)
                disk.set_capacity(--left % 2 ? small : large);
        };
        each.start();
        ASSERT_EQ(each.state(), State::Running) << changes;
        u64 count = each.disk()->facts().block_count;
        EXPECT_TRUE(count == small || count == large) << std::hex << count;
        disk.faults.before_config_read = nullptr;
    }
    Machine machine(GetParam());
    Blk& disk = machine.plug_disk(small);
    u64 reading = 0;
    disk.faults.before_config_read = [&](u32) { disk.set_capacity(++reading * 1000); };
    machine.start();
    EXPECT_NE(machine.state(), State::Running);
    EXPECT_LT(disk.config_reads().size(), 10'000u);
}

// covers: blk.12, gen.confnotif.02
// Nothing is in flight, so nobody polls: `virtio list`, `info` and `scan` look, and an
// operation after a pause does.
TEST_P(ConfigOnBus, a_disk_that_is_resized_while_idle_is_noticed) {
    Blk& disk = machine.plug_disk(8192);
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.resize(4096);
    machine.manager.refresh();
    EXPECT_EQ(machine.disk()->facts().block_count, 4096u);
    disk.resize(2048);
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_EQ(machine.disk()->facts().block_count, 2048u);
    ASSERT_TRUE(machine.loop.sleep(event::Duration::seconds(2)));
    disk.resize(1024);
    EXPECT_TRUE(machine.session().usable());
    EXPECT_EQ(machine.disk()->facts().block_count, 1024u);
    EXPECT_EQ(disk.resets(), 1u);
}

// covers: gen.init.05, gen.init.06
TEST_P(ConfigOnModern, nothing_is_written_during_negotiation) {
    Blk& disk = machine.plug_disk();
    machine.start();
    EXPECT_EQ(machine.state(), State::Running);
    EXPECT_FALSE(disk.config_reads().empty());
}

} // namespace
} // namespace vireo::test
