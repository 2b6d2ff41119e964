// SPDX-License-Identifier: Apache-2.0
// What disk operations may cost: requests, doorbells and register accesses. The numbers do not depend on the
// machine's speed; one that grows is a regression, and docs/performance.md shows what it costs in time.
#include "io/window.h"
#include "unit/support/machine.h"

namespace vireo::test {
namespace {

using fake::Blk;

// A disk without storage: everything is read as it is, and nothing is kept. Hundreds of
// megabytes cost no time.
class NoStorage final : public fake::Disk {
  public:
    explicit NoStorage(u64 sectors) : sectors_(sectors) {}
    u64 sectors() const override { return sectors_; }
    bool read(u64, void*, u64) override { return true; }
    bool write(u64, const void*, u64) override { return true; }

  private:
    u64 sectors_;
};

struct Cost {
    u64 requests;
    u64 doorbells;
    u64 accesses;
};

class BlkBudget : public OnBus {
  protected:
    Blk& plug(u64 sectors) { return machine.plug_disk(std::make_unique<NoStorage>(sectors)); }
    template <typename Work> Cost cost_of(Work&& work) {
        Cost before = now();
        work();
        Cost after = now();
        return {after.requests - before.requests, after.doorbells - before.doorbells,
                after.accesses - before.accesses};
    }
    static constexpr u64 mib = 1 << 20;

  private:
    Cost now() {
        auto& statistics = machine.session().statistics();
        return {statistics.requests, statistics.doorbells, io::accesses()};
    }
};
INSTANTIATE_TEST_SUITE_P(All, BlkBudget, on(all_buses), bus_name);

// One request for 16 MiB, nothing but doorbells on the bus (a look at the device is allowed after a pause).
TEST_P(BlkBudget, contiguous_read_of_128_mib) {
    plug(128 * mib / 512);
    machine.start();
    ASSERT_TRUE(machine.disk());
    std::vector<std::byte> memory(128 * mib);
    Cost cost = cost_of([&] { ASSERT_TRUE(machine.disk()->read(0, memory)); });
    EXPECT_EQ(cost.requests, 8u);
    EXPECT_LE(cost.doorbells, 8u);
    EXPECT_LE(cost.accesses, cost.doorbells + 4);
}

// 2,000 fragments of 100 KiB: as many requests, in flight together, far fewer doorbells.
TEST_P(BlkBudget, two_thousand_fragments) {
    Blk& disk = plug(4096 * mib / 512);
    machine.start();
    ASSERT_TRUE(machine.disk());
    std::vector<std::byte> memory(100 * 1024);
    std::vector<device::BlockExtent> extents;
    for (u64 i = 0; i < 2000; ++i)
        extents.push_back({i * 4000, memory.data(), memory.size()});
    disk.latency = [](u64) { return 50 * hosted::microsecond; };
    u64 begin = hosted::clock_now();
    Cost cost = cost_of([&] { ASSERT_TRUE(machine.disk()->read(extents)); });
    EXPECT_EQ(cost.requests, 2000u);
    EXPECT_LE(cost.doorbells, 2000u / 16);
    EXPECT_LE(cost.accesses, cost.doorbells + 4);
    // One after the other they would take 100 ms.
    EXPECT_LT(hosted::clock_now() - begin, 20 * hosted::millisecond);
}

TEST_P(BlkBudget, ten_thousand_scattered_reads) {
    Blk& disk = plug(4096 * mib / 512);
    machine.start();
    ASSERT_TRUE(machine.disk());
    std::vector<std::byte> memory(4096);
    std::vector<device::BlockExtent> extents;
    for (u64 i = 0; i < 10'000; ++i)
        extents.push_back({i * 7919 % 8'000'000 / 8 * 8, memory.data(), memory.size()});
    disk.latency = [](u64) { return 50 * hosted::microsecond; };
    Cost cost = cost_of([&] { ASSERT_TRUE(machine.disk()->read(extents)); });
    EXPECT_LE(cost.requests, 10'000u);
    EXPECT_GE(cost.requests, 9'900u); // hardly any are neighbours
    EXPECT_LE(cost.doorbells, 10'000u / 16);
    EXPECT_LE(cost.accesses, cost.doorbells + 4);
}

// Writes, and one FLUSH for all of them.
TEST_P(BlkBudget, durable_write_of_128_mib) {
    Blk& disk = plug(128 * mib / 512);
    machine.start();
    ASSERT_TRUE(machine.disk());
    disk.forget_requests();
    std::vector<std::byte> memory(128 * mib);
    Cost cost = cost_of([&] {
        ASSERT_TRUE(machine.disk()->write(0, memory));
        ASSERT_TRUE(machine.disk()->flush());
    });
    EXPECT_EQ(cost.requests, 9u);
    EXPECT_EQ(disk.count(Blk::type_flush), 1u);
    EXPECT_LE(cost.doorbells, 9u);
    EXPECT_LE(cost.accesses, cost.doorbells + 4);
}

TEST_P(BlkBudget, erasing_four_gibibytes) {
    Blk& disk = plug(4096 * mib / 512);
    disk.set_write_zeroes(0xffff'ffff, 1);
    disk.set_discard(0xffff'ffff, 1);
    machine.start();
    ASSERT_TRUE(machine.disk());
    u64 blocks = 4096 * mib / 512;
    EXPECT_EQ(cost_of([&] { ASSERT_TRUE(machine.disk()->write_zeroes(0, blocks)); }).requests, 128u);
    EXPECT_EQ(cost_of([&] { ASSERT_TRUE(machine.disk()->discard(0, blocks)); }).requests, 4u);
}

// Start to first read: every access is an exit to the hypervisor.
TEST_P(BlkBudget, start_of_one_disk) {
    plug(1000);
    u64 before = io::accesses();
    machine.start();
    ASSERT_TRUE(machine.disk());
    u64 accesses = io::accesses() - before;
    RecordProperty("accesses", static_cast<int>(accesses));
    EXPECT_LE(accesses, is_mmio(GetParam()) ? 90u : 700u);
}

} // namespace
} // namespace vireo::test
