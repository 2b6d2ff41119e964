// SPDX-License-Identifier: Apache-2.0
#include "system/memory_map.h"

#include "unit/support/complaints.h"

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

TEST(MemoryMap, a_range_touches_ram_with_any_byte) {
    MemoryMap map;
    ASSERT_TRUE(map.add_ram(64 * MiB, MiB));
    ASSERT_TRUE(map.add_ram(128 * MiB, MiB));
    EXPECT_TRUE(map.touches_ram(0, 64 * MiB + 1));
    EXPECT_TRUE(map.touches_ram(129 * MiB - 1, MiB));
    EXPECT_TRUE(map.touches_ram(100 * MiB, ~u64{0})); // reaches to the end
    EXPECT_TRUE(map.touches_ram(64 * MiB + 5, 1));
    EXPECT_FALSE(map.touches_ram(0, 64 * MiB));
    EXPECT_FALSE(map.touches_ram(65 * MiB, 63 * MiB));
    EXPECT_FALSE(map.touches_ram(64 * MiB + 5, 0));
    EXPECT_FALSE(map.touches_ram(129 * MiB, ~u64{0}));
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

// --- ranges that a device may still reach -----------------------------------------------------------------------

class HeldMemory : public testing::Test {
  protected:
    HeldMemory() { VIREO_MUST(map.add_ram(0x40000000, 128 * MiB)); }
    bool is_free(u64 base, u64 bytes) const { return map.check_writable(base, bytes).has_value(); }
    MemoryMap map;
};

TEST_F(HeldMemory, is_not_given_to_anybody_until_it_is_let_go) {
    map.hold(0x42000000, 0x1000);
    auto refused = map.check_writable(0x42000fff, 1);
    ASSERT_FALSE(refused);
    EXPECT_STREQ(refused.error().what, "unfinished disk requests");
    EXPECT_TRUE(map.check_readable(0x42000000, 0x1000));
    EXPECT_TRUE(is_free(0x41fff000, 0x1000) && is_free(0x42001000, 0x1000));
    auto place = map.allocate(128 * MiB - 0x2001000, 1, "a");
    ASSERT_TRUE(place);
    EXPECT_EQ(*place, 0x42001000u);
    EXPECT_FALSE(map.release(0x42000000)) << "nobody's reservation";
    map.let_go(0x42000000, 0x1000);
    EXPECT_TRUE(is_free(0x42000000, 0x1000));
}

// A transfer is many requests next to each other: one line for people, and it is free when the
// last has come back.
TEST_F(HeldMemory, neighbours_are_one_range) {
    map.hold(0x42000000, 0x1000);
    map.hold(0x42002000, 0x1000);
    EXPECT_EQ(map.reservations().size(), 2u);
    EXPECT_TRUE(is_free(0x42001000, 0x1000));
    map.hold(0x42001000, 0x1000);
    ASSERT_EQ(map.reservations().size(), 1u);
    EXPECT_EQ(map.reservations()[0].base, 0x42000000u);
    EXPECT_EQ(map.reservations()[0].bytes, 0x3000u);
    map.hold(0x42000800, 0x1000); // the same bytes twice
    map.let_go(0x42001000, 0x1000);
    map.let_go(0x42000000, 0x1000);
    map.let_go(0x42000800, 0x1000);
    EXPECT_FALSE(is_free(0x42002000, 1));
    map.let_go(0x42002000, 0x1000);
    EXPECT_TRUE(is_free(0x42000000, 0x3000));
    EXPECT_TRUE(map.reservations().empty());
}

TEST_F(HeldMemory, never_fails_for_want_of_room) {
    test::Complaints complaints; // for its log
    for (usize i = 0; i < MemoryMap::max_reservations; ++i)
        ASSERT_TRUE(map.reserve(0x46000000 + i * 0x100, 0x10, "x"));
    for (u64 i = 0; i < MemoryMap::max_held_ranges; ++i)
        map.hold(0x41000000 + i * MiB, 0x1000);
    EXPECT_FALSE(map.reserve(0x47000000, 1, "x"));
    EXPECT_TRUE(complaints.log().empty());
    // One more grows over what lies between it and the nearest: below, above, in the middle.
    map.hold(0x40800000, 0x1000);
    EXPECT_NE(
        complaints.log().find("RAM from 0x40800000 to 0x41000fff is not free until disk requests in it end"),
        std::string::npos)
        << complaints.log();
    EXPECT_FALSE(is_free(0x40900000, 1));
    map.hold(0x42000000, 0x1000);
    EXPECT_FALSE(is_free(0x41780000, 1));
    map.hold(0x41380000, 0x1000);
    EXPECT_FALSE(is_free(0x41340000, 1));
    EXPECT_TRUE(is_free(0x413c0000, 1));
    for (u64 base : {0x40800000, 0x42000000, 0x41380000})
        map.let_go(base, 0x1000);
    for (u64 i = 0; i < MemoryMap::max_held_ranges; ++i)
        map.let_go(0x41000000 + i * MiB, 0x1000);
    EXPECT_TRUE(is_free(0x40000000, 0x6000000));
    EXPECT_EQ(map.reservations().size(), MemoryMap::max_reservations);
}

} // namespace
} // namespace vireo::system
