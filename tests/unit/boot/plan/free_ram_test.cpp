// SPDX-License-Identifier: Apache-2.0
#include "boot/plan/free_ram.h"

#include <gtest/gtest.h>
#include <random>

namespace vireo::test {
namespace {

using boot::FreeRam;

constexpr u64 MiB = 1 << 20;

class FreeRamTest : public testing::Test {
  protected:
    // Free: 16..24 MiB, 28..48 MiB.
    FreeRamTest() {
        VIREO_MUST(map.add_ram(16 * MiB, 32 * MiB));
        VIREO_MUST(map.reserve(24 * MiB, 4 * MiB, "somebody"));
    }
    system::MemoryMap map;
    FreeRam free{map};
};

TEST_F(FreeRamTest, the_lowest_and_the_highest_place) {
    EXPECT_EQ(free.lowest({.bytes = 8 * MiB, .alignment = 4096}), 16 * MiB);
    EXPECT_EQ(free.lowest({.bytes = 8 * MiB + 1, .alignment = 4096}), 28 * MiB);
    EXPECT_EQ(free.highest({.bytes = 20 * MiB, .alignment = 4096}), 28 * MiB);
    EXPECT_EQ(free.highest({.bytes = MiB, .alignment = 4096}), 47 * MiB);
    EXPECT_EQ(free.lowest({.bytes = 20 * MiB + 1, .alignment = 1}), std::nullopt);
    EXPECT_EQ(free.highest({.bytes = 20 * MiB + 1, .alignment = 1}), std::nullopt);
}

TEST_F(FreeRamTest, alignment_and_skew) {
    EXPECT_EQ(free.lowest({.bytes = MiB, .alignment = 2 * MiB, .skew = 0x80000}), 16 * MiB + 0x80000);
    EXPECT_EQ(free.highest({.bytes = MiB, .alignment = 2 * MiB, .skew = 0x80000}), 46 * MiB + 0x80000);
    EXPECT_EQ(free.highest({.bytes = MiB, .alignment = 32 * MiB}), 32 * MiB);
    EXPECT_EQ(free.lowest({.bytes = MiB, .alignment = 64 * MiB}), std::nullopt);
    EXPECT_EQ(free.highest({.bytes = MiB, .alignment = 64 * MiB}), std::nullopt);
}

TEST_F(FreeRamTest, limits) {
    EXPECT_EQ(free.lowest({.bytes = MiB, .alignment = 1, .from = 23 * MiB}), 23 * MiB);
    EXPECT_EQ(free.lowest({.bytes = MiB, .alignment = 1, .from = 23 * MiB + 1}), 28 * MiB);
    EXPECT_EQ(free.highest({.bytes = MiB, .alignment = 1, .end = 29 * MiB}), 28 * MiB);
    EXPECT_EQ(free.highest({.bytes = MiB, .alignment = 1, .end = 29 * MiB - 1}), 23 * MiB);
    EXPECT_EQ(free.highest({.bytes = MiB, .alignment = 1, .from = 48 * MiB}), std::nullopt);
    EXPECT_EQ(free.lowest({.bytes = MiB, .alignment = 1, .end = 16 * MiB}), std::nullopt);
}

TEST_F(FreeRamTest, what_was_taken_is_passed_on_either_side) {
    free.take({16 * MiB, 2 * MiB});
    free.take({19 * MiB, MiB});
    free.take({46 * MiB, MiB});
    EXPECT_EQ(free.lowest({.bytes = MiB, .alignment = 1}), 18 * MiB);
    EXPECT_EQ(free.lowest({.bytes = MiB + 1, .alignment = 1}), 20 * MiB);
    EXPECT_EQ(free.highest({.bytes = MiB, .alignment = 1}), 47 * MiB);
    EXPECT_EQ(free.highest({.bytes = MiB + 1, .alignment = 1}), 45 * MiB - 1);
}

// Against a search that tries every place.
TEST(FreeRamAtRandom, finds_what_is_there) {
    std::mt19937 random(1);
    auto below = [&](u64 n) { return random() % n; };
    for (int round = 0; round < 2000; ++round) {
        system::MemoryMap map;
        VIREO_MUST(map.add_ram(below(20), 10 + below(50)));
        VIREO_MUST(map.reserve(below(60), 1 + below(20), "a"));
        VIREO_MUST(map.reserve(below(60), 1 + below(20), "b"));
        FreeRam free(map);
        std::vector<Range> taken;
        for (u64 i = below(4); i > 0; --i)
            free.take(taken.emplace_back(Range{below(70), 1 + below(10)}));
        u64 alignment = u64{1} << below(4);
        FreeRam::Wish wish{.bytes = 1 + below(12),
                           .alignment = alignment,
                           .skew = below(alignment),
                           .from = below(30),
                           .end = 40 + below(60)};
        std::vector<u64> places;
        for (u64 at = 0; at < 128; ++at)
            if (at >= wish.from && at + wish.bytes <= wish.end && at % alignment == wish.skew &&
                map.check_writable(at, wish.bytes) &&
                std::ranges::none_of(taken, [&](auto& t) { return t.overlaps({at, wish.bytes}); }))
                places.push_back(at);
        auto lowest = places.empty() ? std::nullopt : std::optional(places.front());
        auto highest = places.empty() ? std::nullopt : std::optional(places.back());
        ASSERT_EQ(free.lowest(wish), lowest) << round;
        ASSERT_EQ(free.highest(wish), highest) << round;
    }
}

} // namespace
} // namespace vireo::test
