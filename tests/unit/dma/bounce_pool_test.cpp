// SPDX-License-Identifier: Apache-2.0
// The bounce pool: alone, and under the whole stack. There the arena keeps its own books about what the pool
// gives out and reports a device that reaches anything else.
#include "dma/bounce_pool.h"

#include "unit/support/machine.h"

#include <cstdlib>
#include <random>

namespace vireo::test {
namespace {

constexpr usize MiB = 1 << 20;
constexpr u64 pool_bus = 0x3000'0000;

// A region of shared memory and the pool over it.
struct Pool {
    explicit Pool(usize bytes = dma::BouncePool::min_bytes)
        : memory(static_cast<std::byte*>(std::aligned_alloc(4096, bytes)), std::free), size(bytes) {
        std::memset(memory.get(), 0xa7, bytes);
        VIREO_MUST(pool.initialise(region(), {pool_bus}));
    }
    MutableBytes region() const { return {memory.get(), size}; }
    std::byte* at(dma::BusAddress bus) const { return memory.get() + (bus.value - pool_bus); }
    bool is_clear(dma::BusAddress bus, usize bytes) const {
        return std::all_of(at(bus), at(bus) + bytes, [](std::byte b) { return b == std::byte{0}; });
    }

    std::unique_ptr<std::byte, decltype(&std::free)> memory;
    usize size;
    dma::BouncePool pool;
};

dma::Mapping mapping(std::vector<std::byte>& bytes, dma::BusAddress bus, dma::Direction direction) {
    return {bytes.data(), static_cast<u32>(bytes.size()), direction, false, bus};
}

constexpr auto to_device = dma::Direction::ToDevice;
constexpr auto from_device = dma::Direction::FromDevice;

TEST(UnitMap, random_runs_never_overlap_and_merge_again) {
    constexpr u32 units = 5000;
    auto map = VIREO_MUST(dma::UnitMap::create(units));
    std::mt19937 random(3);
    std::map<u32, u32> live;
    for (int i = 0; i < 40000; ++i) {
        if (random() % 2 == 0 || live.empty()) {
            u32 count = random() % 60 + 1;
            auto first = map.take(count);
            if (!first)
                continue;
            ASSERT_LE(*first + count, units);
            auto next = live.lower_bound(*first);
            ASSERT_TRUE(next == live.end() || *first + count <= next->first);
            ASSERT_TRUE(next == live.begin() || std::prev(next)->first + std::prev(next)->second <= *first);
            live[*first] = count;
        } else {
            auto victim = std::next(live.begin(), random() % live.size());
            ASSERT_EQ(map.taken_at(victim->first), victim->second);
            map.give_back(victim->first);
            ASSERT_EQ(map.taken_at(victim->first), 0u);
            live.erase(victim);
        }
    }
    for (auto& [first, count] : live)
        map.give_back(first);
    EXPECT_EQ(map.free_units(), units);
    EXPECT_EQ(map.take(units), 0u);
    EXPECT_EQ(map.take(1), std::nullopt);
}

TEST(BouncePool, refuses_a_region_that_it_cannot_use) {
    std::unique_ptr<std::byte, decltype(&std::free)> memory(
        static_cast<std::byte*>(std::aligned_alloc(4096, 5 * MiB)), std::free);
    MutableBytes region(memory.get(), 5 * MiB);
    dma::BouncePool pool;
    EXPECT_FALSE(pool.initialise(region.first(4 * MiB - 1), {0}));
    EXPECT_FALSE(pool.initialise(region.subspan(512), {0}));
    EXPECT_FALSE(pool.initialise(region, {512}));
    EXPECT_FALSE(pool.initialise(region, {~u64{0} - 4095}));
    EXPECT_TRUE(pool.initialise(region, {0}));
}

TEST(BouncePool, bytes_travel_at_share_and_at_unshare_and_not_between) {
    Pool p;
    auto out = bytes_of(1000, 0x11);
    auto in = bytes_of(1000, 0x22);
    auto out_bus = VIREO_MUST(p.pool.share(out.data(), 1000, to_device));
    auto in_bus = VIREO_MUST(p.pool.share(in.data(), 1000, from_device));
    EXPECT_EQ(std::memcmp(p.at(out_bus), out.data(), 1000), 0);
    std::memset(p.at(in_bus), 0x33, 1000);  // the device answers
    std::memset(p.at(out_bus), 0x44, 1000); // ... and writes where it must not
    EXPECT_EQ(in, bytes_of(1000, 0x22));
    p.pool.unshare(mapping(in, in_bus, from_device));
    p.pool.unshare(mapping(out, out_bus, to_device));
    EXPECT_EQ(in, bytes_of(1000, 0x33));
    EXPECT_EQ(out, bytes_of(1000, 0x11));
}

// What a device writes after its request was given up stays in the pool, and the room is
// nobody's until it is done.
TEST(BouncePool, an_abandoned_transfer_brings_nothing_back) {
    Pool p;
    u64 before = p.pool.free_bytes();
    auto in = bytes_of(1000, 0x22);
    dma::Mapping given = mapping(in, VIREO_MUST(p.pool.share(in.data(), 1000, from_device)), from_device);
    p.pool.abandon(given);
    std::memset(p.at(given.bus), 0x33, 1000);
    EXPECT_LT(p.pool.free_bytes(), before);
    p.pool.unshare(given);
    EXPECT_EQ(in, bytes_of(1000, 0x22));
    EXPECT_EQ(p.pool.free_bytes(), before);
    EXPECT_TRUE(p.is_clear(given.bus, 1000));
}

TEST(BouncePool, nothing_of_the_last_user_is_left) {
    Pool p;
    EXPECT_TRUE(p.is_clear({pool_bus}, p.size)); // what the region held before
    auto secret = bytes_of(8192, 0x5e);
    auto bus = VIREO_MUST(p.pool.share(secret.data(), 8192, to_device));
    p.pool.unshare(mapping(secret, bus, to_device));
    auto buffer = VIREO_MUST(p.pool.allocate(8192, 64));
    std::memset(buffer.memory, 0x5e, 8192);
    p.pool.free(buffer);
    EXPECT_TRUE(p.is_clear({pool_bus}, p.size));

    // A device that writes after its time gains nothing with the next owner of pool memory.
    std::memset(p.memory.get(), 0x66, p.size);
    auto next = VIREO_MUST(p.pool.allocate(8192, 64));
    EXPECT_TRUE(p.is_clear(next.bus, 8192));
    p.pool.free(next);
}

TEST(BouncePool, the_books_are_out_of_the_devices_reach) {
    Pool p;
    u64 before = p.pool.free_bytes();
    std::vector<std::vector<std::byte>> data(40, bytes_of(20000));
    std::vector<dma::BusAddress> places;
    for (auto& bytes : data)
        places.push_back(VIREO_MUST(p.pool.share(bytes.data(), 20000, from_device)));
    auto buffer = VIREO_MUST(p.pool.allocate(100000, 4096));
    EXPECT_TRUE(is_aligned(buffer.bus.value, 4096) &&
                is_aligned(reinterpret_cast<uptr>(buffer.memory), 4096));
    std::memset(p.memory.get(), 0xff, p.size);
    for (usize i = 0; i < data.size(); ++i)
        p.pool.unshare(mapping(data[i], places[i], from_device));
    p.pool.free(buffer);
    EXPECT_EQ(p.pool.free_bytes(), before);
    EXPECT_TRUE(p.pool.allocate(MiB, 4096));
}

TEST(BouncePool, exhaustion_is_an_error_that_passes) {
    Pool p;
    auto bytes = bytes_of(64 * 1024);
    std::vector<dma::BusAddress> places;
    Result<dma::BusAddress> last = p.pool.share(bytes.data(), 64 * 1024, from_device);
    for (; last; last = p.pool.share(bytes.data(), 64 * 1024, from_device))
        places.push_back(*last);
    EXPECT_EQ(last.error().code, ErrorCode::NoMemory);
    EXPECT_EQ(places.size(), 48u);          // three quarters of 4 MiB
    EXPECT_TRUE(p.pool.allocate(4096, 64)); // pool memory has its own quarter
    EXPECT_EQ(p.pool.allocate(2 * MiB, 64).error().code, ErrorCode::NoMemory);
    p.pool.unshare(mapping(bytes, places[7], from_device));
    EXPECT_EQ(VIREO_MUST(p.pool.share(bytes.data(), 64 * 1024, from_device)), places[7]);
}

TEST(BouncePool, a_request_of_largest_segments_fits_beside_scattered_small_ones) {
    for (usize bytes : {4 * MiB, 6 * MiB, 32 * MiB}) {
        Pool p(bytes);
        EXPECT_GE(p.pool.largest_share(), 64u * 1024);
        // Other devices: small ranges, as far apart as they can be.
        auto spacer = bytes_of(p.pool.largest_share());
        auto small = bytes_of(16);
        std::vector<dma::BusAddress> spacers;
        for (int i = 0; i < 14; ++i) {
            spacers.push_back(VIREO_MUST(p.pool.share(spacer.data(), p.pool.largest_share(), from_device)));
            ASSERT_TRUE(p.pool.share(small.data(), 16, from_device));
        }
        for (dma::BusAddress bus : spacers)
            p.pool.unshare(mapping(spacer, bus, from_device));
        for (int i = 0; i < 16; ++i)
            EXPECT_TRUE(p.pool.share(spacer.data(), p.pool.largest_share(), from_device)) << i;
    }
}

TEST(BouncePool, giving_back_what_was_not_taken_is_a_defect_of_ours) {
    Pool p;
    auto bytes = bytes_of(4096);
    auto bus = VIREO_MUST(p.pool.share(bytes.data(), 4096, from_device));
    EXPECT_DEATH(p.pool.unshare(mapping(bytes, bus + 512, from_device)), "");
    EXPECT_DEATH(p.pool.unshare(mapping(bytes, {pool_bus - 4096}, from_device)), "");
    p.pool.unshare(mapping(bytes, bus, from_device));
    EXPECT_DEATH(p.pool.unshare(mapping(bytes, bus, from_device)), "");
}

// --- under the whole stack ---------------------------------------------------------------------------------

class PooledStack : public OnBus {
  protected:
    void use_pool(usize bytes = dma::BouncePool::min_bytes) {
        pool_ = std::make_unique<Pool>(bytes);
        hosted::DmaArena::instance().use_pool(pool_->pool, pool_->region(), pool_bus);
    }
    // Without devices, and without memory of theirs.
    ~PooledStack() {
        (void)machine.manager.quiesce_all();
        if (machine.complaints.check_leaks)
            hosted::DmaArena::instance().report_leaks();
        else
            machine.complaints.ignore("dma.free"); // of what no device was told of, when the pool has gone
        hosted::DmaArena::instance().reset();
    }
    std::unique_ptr<Pool> pool_;
};
INSTANTIATE_TEST_SUITE_P(All, PooledStack, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Rings, PooledStack, on(ring_variants), bus_name);

TEST_P(PooledStack, disks_and_entropy_see_nothing_but_the_pool) {
    use_pool();
    machine.plug_disk();
    machine.plug_rng();
    machine.start();
    u64 before = pool_->pool.free_bytes();
    auto bytes = bytes_of(300 * 512, 0x42);
    ASSERT_TRUE(machine.disk()->write(17, bytes));
    auto back = bytes_of(300 * 512);
    ASSERT_TRUE(machine.disk()->read(17, back));
    EXPECT_EQ(back, bytes);
    auto random = bytes_of(5000, 0);
    ASSERT_TRUE(machine.entropy()->read(random));
    EXPECT_GT(std::count_if(random.begin(), random.end(), [](std::byte b) { return b != std::byte{0}; }),
              4000);
    EXPECT_EQ(pool_->pool.free_bytes(), before);
}

TEST_P(PooledStack, a_transfer_larger_than_the_pool_is_cut) {
    use_pool();
    machine.plug_disk(16384); // 8 MiB, twice the pool
    machine.start();
    auto bytes = bytes_of(8 * MiB);
    ASSERT_TRUE(machine.disk()->read(0, bytes));
    EXPECT_TRUE(has_pattern(bytes, 0));
}

// Each of these requests fits, all of them together do not: some start only when others have ended.
TEST_P(PooledStack, exhaustion_delays_a_transfer_and_never_fails_it) {
    use_pool();
    fake::Blk& disk = machine.plug_disk(40960);
    disk.latency = [](u64 n) { return (1 + (n * 7) % 13) * 100 * hosted::microsecond; };
    machine.start();
    std::vector<std::vector<std::byte>> pieces;
    std::vector<device::BlockExtent> extents;
    for (u64 i = 0; i < 100; ++i) {
        pieces.push_back(bytes_of(180 * 512));
        extents.push_back({(i * 37 % 100) * 400, pieces.back().data(), pieces.back().size()});
    }
    ASSERT_TRUE(machine.disk()->read(extents));
    for (usize i = 0; i < pieces.size(); ++i)
        EXPECT_TRUE(has_pattern(pieces[i], extents[i].first_block)) << i;
}

TEST_P(PooledStack, memory_of_a_device_that_never_confirms_its_reset_stays_out_of_use) {
    use_pool();
    machine.complaints.check_leaks = false;
    fake::Blk& bad = machine.plug_disk();
    machine.plug_disk();
    machine.start();
    u64 before = pool_->pool.free_bytes();
    bad.latency = [](u64) { return 3600 * hosted::second; };
    bad.faults.reset_never_ends = true;
    auto bytes = bytes_of(64 * 512);
    EXPECT_FALSE(machine.disk(0)->read(0, bytes));
    EXPECT_EQ(pool_->pool.free_bytes(), before - 64 * 512);
    for (u64 first : {u64{0}, u64{100}, u64{200}}) {
        ASSERT_TRUE(machine.disk(1)->read(first, bytes));
        EXPECT_TRUE(has_pattern(bytes, first));
    }
}

} // namespace
} // namespace vireo::test
