// SPDX-License-Identifier: Apache-2.0
#include "base/format.h"

#include <gtest/gtest.h>

namespace vireo {
namespace {

template <typename... A>
std::string formatted(FormatString<std::type_identity_t<A>...> format, const A&... arguments) {
    StringBuffer<256> out;
    print(out, format, arguments...);
    return std::string(out.view());
}

TEST(Format, numbers_in_every_base_and_width) {
    EXPECT_EQ(formatted("{}", 0), "0");
    EXPECT_EQ(formatted("{}", -1), "-1");
    EXPECT_EQ(formatted("{}", std::numeric_limits<i64>::min()), "-9223372036854775808");
    EXPECT_EQ(formatted("{}", std::numeric_limits<u64>::max()), "18446744073709551615");
    EXPECT_EQ(formatted("{}", u64{4294967296}), "4294967296");
    EXPECT_EQ(formatted("{:x} {:X}", 0xabcu, 0xabcu), "abc ABC");
    EXPECT_EQ(formatted("{:08x}", 0x42000000u), "42000000");
    EXPECT_EQ(formatted("{:04x}", 0x12345u), "12345");
    EXPECT_EQ(formatted("[{:5}] [{:<5}] [{:^5}] [{:*>5}]", 7, 7, 7, 7), "[    7] [7    ] [  7  ] [****7]");
    EXPECT_EQ(formatted("{:05}", -42), "-0042");
}

TEST(Format, text_characters_and_booleans) {
    EXPECT_EQ(formatted("{} {:6}|{:>6}|", "a", std::string_view("bc"), "d"), "a bc    |     d|");
    EXPECT_EQ(formatted("{}{:c}", 'x', 0x79), "xy");
    EXPECT_EQ(formatted("{} {}", true, false), "true false");
    EXPECT_EQ(formatted("{{}} {{{}}}", 1), "{} {1}");
    EXPECT_EQ(formatted("plain"), "plain");
}

TEST(Format, an_error_says_its_number_where_its_literal_has_a_place) {
    auto said = [](const char* literal, u32 number) {
        return formatted("<{}> {}", Error(ErrorCode::Corrupt, literal, number), 7);
    };
    EXPECT_EQ(said("superblock checksum", 0), "<superblock checksum> 7");
    EXPECT_EQ(said("block {} of the journal", 0), "<block 0 of the journal> 7");
    EXPECT_EQ(said("feature 0x{:x}", 0x800000), "<feature 0x800000> 7");
    EXPECT_EQ(said("{:x}", Error::largest_number), "<ffffff> 7");
    EXPECT_EQ(said("{:x}", Error::largest_number + 1), "<ffffff> 7");
    EXPECT_EQ(said("{} and {}", 5), "<5 and > 7") << "there is one number";
}

TEST(StringBuffer, keeps_what_fits_and_says_so) {
    StringBuffer<4> out;
    print(out, "{}", "abcdef");
    EXPECT_EQ(out.view(), "abcd");
    EXPECT_TRUE(out.truncated());
    out.clear();
    EXPECT_FALSE(out.truncated());
    print(out, "{}", "abcd");
    EXPECT_FALSE(out.truncated());
}

} // namespace
} // namespace vireo
