// SPDX-License-Identifier: Apache-2.0
#include "base/crc32.h"
#include "base/endian.h"
#include "base/fixed_vector.h"
#include "base/intrusive_list.h"
#include "base/math.h"
#include "base/owned_array.h"
#include "base/parse.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vireo {
namespace {

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(Endian, bytes_lie_in_wire_order) {
    struct Wire {
        Le<u16> little;
        Be<u32> big;
    } wire{0x1234, 0xa1b2c3d4};
    const u8 expected[] = {0x34, 0x12, 0xa1, 0xb2, 0xc3, 0xd4};
    EXPECT_EQ(std::memcmp(&wire, expected, sizeof(expected)), 0);
    EXPECT_EQ(wire.big + 0, 0xa1b2c3d4u);
}

TEST(Endian, read_struct_stays_inside) {
    const u8 raw[] = {1, 2, 3, 4, 5};
    Bytes bytes = std::as_bytes(std::span(raw));
    EXPECT_EQ(read_struct<Le<u32>>(bytes, 1)->get(), 0x05040302u);
    EXPECT_FALSE(read_struct<Le<u32>>(bytes, 2));
    EXPECT_FALSE(read_struct<Le<u32>>(bytes, ~usize{0}));
}

TEST(Math, nothing_wraps) {
    EXPECT_FALSE(checked_add<u64>(~u64{0}, 1));
    EXPECT_FALSE(checked_multiply<u64>(u64{1} << 63, 2));
    EXPECT_EQ(checked_add<u32>(1, 2), 3u);
    EXPECT_TRUE(range_fits(4, 0, 4));
    EXPECT_FALSE(range_fits(5, 0, 4));
    EXPECT_FALSE(range_fits(~u64{0}, 2, 16));
    EXPECT_FALSE(ranges_overlap(0, 4, 4, 4));
    EXPECT_TRUE(ranges_overlap(0, 5, 4, 4));
    EXPECT_FALSE(ranges_overlap(2, 0, 0, 8));
    EXPECT_EQ(align_up<u32>(5, 4), 8u);
    EXPECT_EQ(align_down<u64>(0x1fff, 0x1000), 0x1000u);
}

TEST(Parse, numbers) {
    EXPECT_EQ(*parse_number("10", 10), 10u);
    EXPECT_EQ(*parse_number("10", 16), 16u);
    EXPECT_EQ(*parse_number("0x10", 10), 16u);
    EXPECT_EQ(*parse_number("ffffffffffffffff", 16), ~u64{0});
    EXPECT_EQ(parse_number("10000000000000000", 16).error().code, ErrorCode::InvalidArgument);
    for (const char* bad : {"", "0x", "-1", " 1", "1 ", "g", "1.5", "18446744073709551616"})
        EXPECT_FALSE(parse_number(bad, 10)) << bad;
    EXPECT_FALSE(parse_number("a", 10));
}

TEST(Parse, splitting) {
    std::string_view rest = "a,,b";
    EXPECT_EQ(split_first(rest, ','), "a");
    EXPECT_EQ(split_first(rest, ','), "");
    EXPECT_EQ(split_first(rest, ','), "b");
    EXPECT_EQ(rest, "");
    EXPECT_EQ(trim(" \t x y "), "x y");
}

TEST(Crc, known_values) {
    // The check values of the CRC catalogue for "123456789".
    EXPECT_EQ(crc32(bytes_of("123456789")), 0xcbf43926u);
    EXPECT_EQ(~crc32c(bytes_of("123456789"), ~0u), 0xe3069283u);
    EXPECT_EQ(crc16(bytes_of("123456789"), 0), 0xbb3du);
    EXPECT_EQ(crc32({}), 0u);
}

TEST(Crc, any_alignment_and_split_gives_the_same) {
    std::string text(100, '\0');
    for (usize i = 0; i < text.size(); ++i)
        text[i] = static_cast<char>(i * 7 + 3);
    for (usize start = 0; start < 8; ++start) {
        auto whole = bytes_of(text).subspan(start, 90);
        u32 one_by_one = 0;
        for (std::byte byte : whole)
            one_by_one = crc32({&byte, 1}, one_by_one);
        EXPECT_EQ(crc32(whole), one_by_one);
        EXPECT_EQ(crc32(whole.subspan(33), crc32(whole.first(33))), one_by_one);
    }
}

TEST(FixedVector, refuses_more_than_it_holds) {
    FixedVector<std::string, 2> list;
    EXPECT_TRUE(list.try_push_back("a"));
    EXPECT_TRUE(list.try_push_back("b"));
    EXPECT_FALSE(list.try_push_back("c"));
    list.erase(0);
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0], "b");
}

struct Item : ListNode {
    explicit Item(int v) : value(v) {}
    int value;
};

TEST(IntrusiveList, order_and_removal) {
    IntrusiveList<Item> list;
    Item a(1), b(2), c(3);
    EXPECT_EQ(list.pop_front(), nullptr);
    list.push_back(a);
    list.push_back(b);
    list.push_back(c);
    list.remove(b);
    EXPECT_FALSE(b.is_linked());
    EXPECT_EQ(list.next(a), &c);
    EXPECT_EQ(list.pop_front(), &a);
    EXPECT_EQ(list.pop_front(), &c);
    EXPECT_TRUE(list.is_empty());
}

TEST(OwnedArray, absurd_sizes_are_errors) {
    EXPECT_EQ(OwnedArray<u64>::create(~usize{0} / 4).error().code, ErrorCode::NoMemory);
    auto array = VIREO_MUST(OwnedArray<u32>::create(3));
    EXPECT_EQ(array.size(), 3u);
    EXPECT_EQ(array[2], 0u);
}

Result<int> half(int value) {
    if (value % 2 != 0)
        return error(ErrorCode::InvalidArgument, "odd");
    return value / 2;
}
Result<> quarter(int value, int& out) {
    out = VIREO_TRY(half(VIREO_TRY(half(value))));
    return {};
}

TEST(Result, try_returns_early_with_the_error) {
    int out = 0;
    EXPECT_TRUE(quarter(8, out));
    EXPECT_EQ(out, 2);
    auto failed = quarter(6, out);
    ASSERT_FALSE(failed);
    EXPECT_STREQ(failed.error().what, "odd");
}

} // namespace
} // namespace vireo
