// SPDX-License-Identifier: Apache-2.0
#include "unit/net/protocol/http_fixture.h"

namespace vireo::test {
namespace {

std::string parsed(std::string_view text) {
    auto url = Url::parse(text);
    return url ? printed(*url) : "error: "s + url.error().what;
}

TEST(Url, parts) {
    EXPECT_EQ(parsed("http://example.com"), "http://example.com/");
    EXPECT_EQ(parsed("HTTP://example.com/a/b?c=d"), "http://example.com/a/b?c=d");
    EXPECT_EQ(parsed("http://example.com?c"), "http://example.com/?c");
    EXPECT_EQ(parsed("http://example.com/a#b"), "http://example.com/a");
    EXPECT_EQ(parsed("http://10.0.2.2:8080/x"), "http://10.0.2.2:8080/x");
    EXPECT_EQ(parsed("http://10.0.2.2:80/x"), "http://10.0.2.2/x");
    EXPECT_EQ(parsed("http://10.0.2.2:/x"), "http://10.0.2.2/x");
    EXPECT_EQ(parsed("http://[fd00::2]:8080/x"), "http://[fd00::2]:8080/x");
    EXPECT_EQ(parsed("http://[fd00::2]"), "http://[fd00::2]/");
    auto url = Url::parse("http://[fd00::2]:8080/x");
    ASSERT_TRUE(url);
    EXPECT_TRUE(url->address.is_v6());
    EXPECT_EQ(url->host.view(), "fd00::2");
    EXPECT_EQ(url->port, 8080);
    EXPECT_EQ(url->target.view(), "/x");
    EXPECT_FALSE(Url::parse("http://example.com")->address.is_set());
    EXPECT_TRUE(Url::parse("http://10.0.2.2/")->address.is_v4());
}

TEST(Url, what_is_none_is_refused) {
    EXPECT_EQ(parsed(""), "error: a URL begins with http://");
    EXPECT_EQ(parsed("example.com/x"), "error: a URL begins with http://");
    EXPECT_EQ(parsed("http:x"), "error: a URL begins with http://");
    EXPECT_EQ(parsed("http:/x"), "error: a URL begins with http://");
    EXPECT_EQ(parsed("https://example.com/"), "error: only http:// URLs can be fetched");
    EXPECT_EQ(parsed("ftp://example.com/"), "error: only http:// URLs can be fetched");
    EXPECT_EQ(parsed("http://"), "error: no host in the URL");
    EXPECT_EQ(parsed("http:///x"), "error: no host in the URL");
    EXPECT_EQ(parsed("http://:80/"), "error: no host in the URL");
    EXPECT_EQ(parsed("http://u:p@h/"), "error: a user name in the URL");
    for (std::string_view port : {"0", "65536", "99999999999", "8x", "-1", "+1", "80:80", " 80"})
        EXPECT_TRUE(parsed("http://h:" + std::string(port) + "/").starts_with("error: ")) << port;
    EXPECT_EQ(parsed("http://[fd00::2/x"), "error: '[' without ']'");
    EXPECT_EQ(parsed("http://[10.0.2.2]/x"), "error: no IPv6 address in brackets");
    EXPECT_EQ(parsed("http://[]/x"), "error: no IPv6 address in brackets");
    EXPECT_EQ(parsed("http://[fd00::2]8/x"), "error: bad port");
    EXPECT_EQ(parsed("http://fd00::2/x"), "error: bad port");
    for (std::string_view bad :
         {"http://h/a b", "http://h/a\r\nHost: x", "http://h/\x01", "http://h/\xc3\xa4", "http://a b/"})
        EXPECT_EQ(parsed(bad), "error: a blank or an unprintable character in the URL");
    EXPECT_EQ(parsed("http://h/" + std::string(2047, 'a')), "http://h/" + std::string(2047, 'a'));
    EXPECT_EQ(parsed("http://h/" + std::string(2048, 'a')),
              "error: a path of more than 2048 bytes in the URL");
    EXPECT_EQ(parsed("http://" + std::string(253, 'a')), "http://" + std::string(253, 'a') + "/");
    EXPECT_EQ(parsed("http://" + std::string(254, 'a')), "error: a host name of more than 253 bytes");
}

TEST(Url, references) {
    auto base = Url::parse("http://h:81/a/b/c?q=1");
    ASSERT_TRUE(base);
    auto resolved = [&](std::string_view reference) {
        auto url = base->resolve(reference);
        return url ? printed(*url) : "error: "s + url.error().what;
    };
    EXPECT_EQ(resolved("/x?y"), "http://h:81/x?y");
    EXPECT_EQ(resolved("x"), "http://h:81/a/b/x");
    EXPECT_EQ(resolved("x/y?z"), "http://h:81/a/b/x/y?z");
    EXPECT_EQ(resolved("?z"), "http://h:81/a/b/c?z");
    EXPECT_EQ(resolved(""), "http://h:81/a/b/c?q=1");
    EXPECT_EQ(resolved("#f"), "http://h:81/a/b/c?q=1");
    EXPECT_EQ(resolved("//i/x"), "http://i/x");
    EXPECT_EQ(resolved("//i:82"), "http://i:82/");
    EXPECT_EQ(resolved("http://j/x"), "http://j/x");
    EXPECT_EQ(resolved("https://j/x"), "error: only http:// URLs can be fetched");
    EXPECT_EQ(resolved("x y"), "error: a blank or an unprintable character in the URL");
    EXPECT_EQ(resolved(std::string(2100, 'a')), "error: a path of more than 2048 bytes in the URL");
    // Up, and where we are.
    EXPECT_EQ(resolved("../x"), "http://h:81/a/x");
    EXPECT_EQ(resolved("../../x"), "http://h:81/x");
    EXPECT_EQ(resolved("../../../x"), "http://h:81/x");
    EXPECT_EQ(resolved(".."), "http://h:81/a/");
    EXPECT_EQ(resolved("."), "http://h:81/a/b/");
    EXPECT_EQ(resolved("./x"), "http://h:81/a/b/x");
    EXPECT_EQ(resolved("x/./y"), "http://h:81/a/b/x/y");
    EXPECT_EQ(resolved("x/../y?z=../../w"), "http://h:81/a/b/y?z=../../w");
    EXPECT_EQ(resolved("../?../z"), "http://h:81/a/?../z");
    EXPECT_EQ(resolved("?/../z"), "http://h:81/a/b/c?/../z");
    EXPECT_EQ(resolved("/x/../../y#/../z"), "http://h:81/y");
    EXPECT_EQ(resolved("//i/x/../y"), "http://i/y");
    EXPECT_EQ(resolved("http://j/./x/.."), "http://j/");
}

// RFC 3986, section 5.2.4; also in what a user types.
TEST(Url, dot_segments) {
    for (auto [path, plain] : {std::pair<std::string_view, std::string_view>{"/a/b/c/./../../g", "/a/g"},
                               {"/", "/"},
                               {"/.", "/"},
                               {"/..", "/"},
                               {"/../..", "/"},
                               {"/./x", "/x"},
                               {"/x/..", "/"},
                               {"/x/.", "/x/"},
                               {"/x/./", "/x/"},
                               {"/x/../", "/"},
                               {"/../../x", "/x"},
                               {"/a//../b", "/a/b"},
                               {"/a//b", "/a//b"},
                               {"//..//x", "//x"},
                               {"/.../..x/x../.x/x.", "/.../..x/x../.x/x."},
                               {"/a/..?/../b", "/?/../b"},
                               {"/%2e%2e/x", "/%2e%2e/x"}})
        EXPECT_EQ(parsed("http://h" + std::string(path)), "http://h" + std::string(plain)) << path;
    Url url = *Url::parse("http://h/");
    EXPECT_TRUE(url.set_target("x/../y"));
    EXPECT_EQ(url.target.view(), "/y");
    EXPECT_TRUE(url.set_target("../y"));
    EXPECT_EQ(url.target.view(), "/y");
}

TEST(Url, schemes) {
    EXPECT_EQ(net::url_scheme("http://h"), "http");
    EXPECT_EQ(net::url_scheme("tftp://h/x"), "tftp");
    EXPECT_EQ(net::url_scheme("x-1+y.z://"), "x-1+y.z");
    for (std::string_view none :
         {"", "h:x", "http:", "http:/x", "://x", "1x://h", "a/b://c", "10.0.2.2:x", "[fd00::1]://x"})
        EXPECT_EQ(net::url_scheme(none), "") << none;
}

} // namespace
} // namespace vireo::test
