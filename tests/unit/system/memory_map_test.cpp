// SPDX-License-Identifier: Apache-2.0
#include "system/memory_map.h"

#include <gtest/gtest.h>

namespace vireo::system {
namespace {

constexpr u64 MiB = 1 << 20;

TEST(MemoryMap, banks_merge_and_sort) {
    MemoryMap map;
    ASSERT_TRUE(map.add_ram(256 * MiB, 64 * MiB));
    ASSERT_TRUE(map.add_ram(0, 64 * MiB));
    ASSERT_TRUE(map.add_ram(64 * MiB, 64 * MiB));
    ASSERT_TRUE(map.add_ram(32 * MiB, 8 * MiB));
    ASSERT_TRUE(map.add_ram(512 * MiB, 0));
    ASSERT_EQ(map.ram().size(), 2u);
    EXPECT_EQ(map.ram()[0].bytes, 128 * MiB);
    EXPECT_EQ(map.total_ram(), 192 * MiB);
}

TEST(MemoryMap, refuses_what_wraps) {
    MemoryMap map;
    EXPECT_FALSE(map.add_ram(~u64{0} - 10, 20));
    EXPECT_FALSE(map.reserve(~u64{0}, 2, "x"));
    ASSERT_TRUE(map.add_ram(0, MiB));
    EXPECT_FALSE(map.check_readable(~u64{0} - 10, 20));
    EXPECT_FALSE(map.check_readable(MiB - 1, 2));
    EXPECT_FALSE(map.check_writable(0, ~u64{0}));
}

TEST(MemoryMap, writes_over_a_reservation_are_refused_with_its_owner) {
    MemoryMap map;
    ASSERT_TRUE(map.add_ram(0x40000000, 128 * MiB));
    ASSERT_TRUE(map.reserve(0x47000000, MiB, "Vireo image"));
    EXPECT_TRUE(map.check_writable(0x42000000, 0x1000));
    EXPECT_TRUE(map.check_writable(0x46ffffff, 1));
    auto refused = map.check_writable(0x46ffffff, 2);
    ASSERT_FALSE(refused);
    EXPECT_STREQ(refused.error().what, "Vireo image");
    EXPECT_TRUE(map.check_readable(0x47000000, 4));
    EXPECT_EQ(map.check_writable(0x1000, 4).error().code, ErrorCode::OutOfRange);
}

TEST(MemoryMap, allocates_from_the_top_around_what_is_taken) {
    MemoryMap map;
    ASSERT_TRUE(map.add_ram(0, 64 * MiB));
    ASSERT_TRUE(map.add_ram(4096 * MiB, 64 * MiB));
    ASSERT_TRUE(map.reserve(60 * MiB, 2 * MiB, "device tree"));
    EXPECT_EQ(*map.allocate(MiB, 4096, "a", u64{1} << 32), 63 * MiB);
    EXPECT_EQ(*map.allocate(2 * MiB, 4096, "b", u64{1} << 32), 58 * MiB);
    EXPECT_EQ(*map.allocate(MiB, 4096, "c"), 4159 * MiB);
    EXPECT_FALSE(map.allocate(65 * MiB, 4096, "d"));
    ASSERT_TRUE(map.release(58 * MiB));
    EXPECT_FALSE(map.release(58 * MiB));
    EXPECT_EQ(*map.allocate(2 * MiB, 4096, "e", u64{1} << 32), 58 * MiB);
}

TEST(MemoryMap, full_tables_are_errors) {
    MemoryMap map;
    for (usize i = 0; i < MemoryMap::max_ram_banks; ++i)
        ASSERT_TRUE(map.add_ram(i * 2 * MiB, MiB));
    EXPECT_FALSE(map.add_ram(1000 * MiB, MiB));
    for (usize i = 0; i < MemoryMap::max_reservations; ++i)
        ASSERT_TRUE(map.reserve(i * 0x100, 0x10, "x"));
    EXPECT_FALSE(map.reserve(0x100000, 1, "x"));
    EXPECT_FALSE(map.allocate(0x1000, 0x1000, "x"));
}

} // namespace
} // namespace vireo::system
