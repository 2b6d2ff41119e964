// SPDX-License-Identifier: Apache-2.0
#include "boot/acpi/address_map.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vireo::test {
namespace {

using boot::AddressMap;
using boot::AddressRange;

constexpr u64 MiB = 1 << 20;

std::string text_of(const AddressMap& map) {
    std::string text;
    char line[64];
    for (const AddressRange& range : map) {
        std::snprintf(line, sizeof(line), "%llx-%llx:%u ", static_cast<unsigned long long>(range.base),
                      static_cast<unsigned long long>(range.base + range.bytes), unsigned{range.type});
        text += line;
    }
    return text;
}

class AddressMapTest : public testing::Test {
  protected:
    std::string made(const std::vector<Range>& reserved) {
        AddressMap map;
        EXPECT_TRUE(boot::make_address_map(ram, reserved, map));
        return text_of(map);
    }
    system::MemoryMap ram;
};

TEST_F(AddressMapTest, a_pc) {
    VIREO_MUST(ram.add_ram(0, 128 * MiB));
    VIREO_MUST(ram.add_ram(u64{4} << 30, 64 * MiB));
    VIREO_MUST(ram.reserve(120 * MiB, 8 * MiB, "firmware image"));
    EXPECT_EQ(made({{0xfffc'0000, 0x4'0000}, {0x9fc00, 0x60400}, {0x7fe'0000, 0x2000}}),
              "0-9fc00:1 9fc00-100000:2 100000-7fe0000:1 7fe0000-7fe2000:2 7fe2000-8000000:1 "
              "fffc0000-100000000:2 100000000-104000000:1 ");
}

TEST_F(AddressMapTest, nothing_reserved) {
    EXPECT_EQ(made({}), "");
    VIREO_MUST(ram.add_ram(0, MiB));
    EXPECT_EQ(made({}), "0-100000:1 ");
    EXPECT_EQ(made({{0x1000, 0}}), "0-100000:1 ") << "no bytes are no range";
}

TEST_F(AddressMapTest, ranges_that_overlap_or_touch_become_one) {
    VIREO_MUST(ram.add_ram(0x1000, 0x9000));
    EXPECT_EQ(made({{0x3000, 0x1000}, {0x2000, 0x1800}, {0x4000, 0x1000}, {0x2800, 0x100}}),
              "1000-2000:1 2000-5000:2 5000-a000:1 ");
    EXPECT_EQ(made({{0x2000, 0x1000}, {0x2000, 0x3000}}), "1000-2000:1 2000-5000:2 5000-a000:1 ");
}

TEST_F(AddressMapTest, ranges_at_the_ends_of_ram) {
    VIREO_MUST(ram.add_ram(0x1000, 0x1000));
    VIREO_MUST(ram.add_ram(0x8000, 0x1000));
    EXPECT_EQ(made({{0, 0x1000}, {0x2000, 0x6000}, {0x9000, 0x1000}}),
              "0-1000:2 1000-2000:1 2000-8000:2 8000-9000:1 9000-a000:2 ");
    EXPECT_EQ(made({{0, 0x8001}}), "0-8001:2 8001-9000:1 ") << "over a bank and into the next";
    EXPECT_EQ(made({{0, 0x9000}}), "0-9000:2 ");
}

TEST_F(AddressMapTest, ram_out_of_vireo_s_reach) {
    VIREO_MUST(ram.add_ram(0, MiB));
    std::vector<Range> beyond{{u64{4} << 30, MiB}, {u64{4} << 30, MiB / 2}, {u64{8} << 30, ~u64{0}}};
    std::vector<Range> reserved{{(u64{4} << 30) + 0x80000, 0x1000}};
    AddressMap map;
    EXPECT_TRUE(boot::make_address_map(ram, reserved, map, beyond));
    EXPECT_EQ(text_of(map), "0-100000:1 100000000-100080000:1 100080000-100081000:2 100081000-100100000:1 "
                            "200000000-ffffffffffffffff:1 ");
}

TEST_F(AddressMapTest, a_range_that_wraps_ends_with_the_addresses) {
    VIREO_MUST(ram.add_ram(0x1000, 0x1000));
    EXPECT_EQ(made({{0x1800, ~u64{0}}}), "1000-1800:1 1800-ffffffffffffffff:2 ");
}

TEST_F(AddressMapTest, as_many_ranges_as_there_is_room_for_and_one_more) {
    std::vector<Range> reserved;
    for (u64 i = 0; i < AddressMap::capacity(); ++i)
        reserved.push_back({i * 0x2000, 0x1000});
    AddressMap map;
    EXPECT_TRUE(boot::make_address_map(ram, reserved, map));
    EXPECT_TRUE(map.is_full());
    reserved.push_back({0x100'0000, 0x1000});
    map.clear();
    EXPECT_EQ(boot::make_address_map(ram, reserved, map).error().code, ErrorCode::TooLarge);
}

} // namespace
} // namespace vireo::test
