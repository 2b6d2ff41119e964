// SPDX-License-Identifier: Apache-2.0
#include "net/address.h"

#include <gtest/gtest.h>
#include <string>

namespace vireo::net {
namespace {

std::string again(std::string_view text) {
    auto address = IpAddress::parse(text);
    if (!address)
        return "none";
    StringBuffer<64> out;
    address->print(out);
    return std::string(out.view());
}

TEST(IpAddress, v4_is_four_decimal_bytes) {
    EXPECT_EQ(IpAddress::parse("10.0.2.15")->v4(), 0x0a00020fu);
    EXPECT_EQ(IpAddress::parse("10.0.2.15"), IpAddress::from_v4(0x0a00020f));
    EXPECT_EQ(again("255.255.255.255"), "255.255.255.255");
    EXPECT_EQ(again("0.0.0.0"), "0.0.0.0");
    for (const char* bad :
         {"", ".", "10.0.2", "10.0.2.15.1", "10.0.2.256", "10.0.2.", ".10.0.2", "10..2.1", "1.2.3.4 ",
          " 1.2.3.4", "01.2.3.4", "0x1.2.3.4", "1.2.3.-4", "1.2.3.1000", "1.2.3.4a"})
        EXPECT_EQ(again(bad), "none") << bad;
}

TEST(IpAddress, v6_is_printed_as_rfc_5952_says) {
    EXPECT_EQ(again("2001:DB8::0001"), "2001:db8::1");
    EXPECT_EQ(again("2001:0db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");   // the first of two equal runs
    EXPECT_EQ(again("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1"); // a single group is not shortened
    EXPECT_EQ(again("::"), "::");
    EXPECT_EQ(again("::1"), "::1");
    EXPECT_EQ(again("fe80::"), "fe80::");
    EXPECT_EQ(again("1:0:0:2:0:0:0:3"), "1:0:0:2::3");
    EXPECT_EQ(again("0:0:1::"), "0:0:1::");
    EXPECT_EQ(again("::ffff:10.0.2.15"), "::ffff:a00:20f");
    EXPECT_EQ(again("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8");
}

TEST(IpAddress, what_is_not_v6_is_refused) {
    for (const char* bad : {":",
                            ":::",
                            "1",
                            "1:2",
                            "1:2:3:4:5:6:7",
                            "1:2:3:4:5:6:7:8:9",
                            "1::2::3",
                            "12345::",
                            "g::",
                            "1:2:3:4:5:6:7::8:9",
                            "::1:",
                            ":1::",
                            "1:2:3:4:5:6:7:8::",
                            "fe80::1%eth0",
                            "[::1]",
                            "::1.2.3",
                            "::1.2.3.4.5",
                            "1.2.3.4::",
                            "1:2:3:4:5:6:7:1.2.3.4",
                            "::1 "})
        EXPECT_EQ(again(bad), "none") << bad;
}

} // namespace
} // namespace vireo::net
