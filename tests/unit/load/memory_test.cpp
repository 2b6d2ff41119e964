// SPDX-License-Identifier: Apache-2.0
#include "unit/load/fixture.h"

namespace vireo::test {
namespace {

struct LoadMemory : testing::Test {
    auto writable(u64 address, u64 bytes) {
        return load::writable_memory(machine.map, machine, address, bytes);
    }
    auto free_from(u64 address) { return load::free_memory_from(machine.map, machine, address); }
    SmallMachine machine;
};

TEST_F(LoadMemory, free_memory_ends_where_something_is_in_the_way) {
    EXPECT_EQ(free_from(0x1000)->size(), 0x800u);
    EXPECT_EQ(free_from(0x17ff)->size(), 1u);
    EXPECT_EQ(free_from(0x1900)->size(), 0x700u);
    EXPECT_EQ(free_from(0x1fff)->size(), 1u);
    EXPECT_EQ(free_from(0x1900)->data(), machine.memory(0x1900));
}

TEST_F(LoadMemory, what_is_in_the_way_is_data) {
    auto taken = free_from(0x1800);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().base, 0x1800u);
    EXPECT_EQ(taken.error().bytes, 1u);
    ASSERT_TRUE(taken.error().owner);
    EXPECT_EQ(taken.error().owner->base, 0x1800u);
    EXPECT_STREQ(taken.error().owner->owner, "somebody");
    for (u64 address : {u64{0}, u64{0xfff}, u64{0x2000}, ~u64{0}}) {
        auto outside = free_from(address);
        ASSERT_FALSE(outside) << address;
        EXPECT_FALSE(outside.error().owner) << address;
    }
}

TEST_F(LoadMemory, a_range_at_its_limit_and_one_byte_beyond) {
    EXPECT_EQ(writable(0x1000, 0x800)->size(), 0x800u);
    EXPECT_STREQ(writable(0x1000, 0x801).error().owner->owner, "somebody");
    EXPECT_EQ(writable(0x1900, 0x700)->size(), 0x700u);
    EXPECT_FALSE(writable(0x1900, 0x701).error().owner);
    EXPECT_FALSE(writable(0x1900, ~u64{0}).error().owner) << "a range that wraps";
    EXPECT_TRUE(writable(0x1800, 0)->empty()) << "no bytes are always free";
}

} // namespace
} // namespace vireo::test
