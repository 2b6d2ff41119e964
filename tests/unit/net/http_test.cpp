// SPDX-License-Identifier: Apache-2.0
// HTTP responses and downloads, byte by byte and all at once, without a connection; and the URLs they come from.
#include "net/http.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vireo::test {
namespace {

using namespace std::string_literals;
using net::HttpDownload;
using net::HttpResponse;
using net::Url;
using State = HttpDownload::State;
using Kind = HttpDownload::Failure::Kind;

class Text final : public Writer {
  public:
    void write(std::string_view text) override { text_ += text; }
    std::string take() { return std::exchange(text_, {}); }

  private:
    std::string text_;
};

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string printed(const Url& url) {
    Text text;
    url.print(text);
    return text.take();
}

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

class Http : public testing::Test {
  protected:
    void start(std::string_view url = "http://h/file", usize bytes = 64) {
        memory_.assign(bytes + 16, '\xa5');
        download.emplace(*Url::parse(url), std::as_writable_bytes(std::span(memory_)).first(bytes));
    }
    // Makes the connection that is wanted; the request.
    std::string request() {
        EXPECT_EQ(download->state(), State::Connect);
        download->begin();
        Text text;
        download->print_request(text);
        return text.take();
    }
    void hear(std::string_view text) { download->received(bytes_of(text)); }
    // A whole exchange: the state after it. The same with the answer in one piece and byte by byte.
    State exchange(std::string_view answer, usize bytes = 64) {
        start("http://h/file", bytes);
        request();
        hear(answer);
        State state = download->state();
        std::string got = content();
        start("http://h/file", bytes);
        request();
        for (char c : answer)
            hear({&c, 1});
        EXPECT_EQ(download->state(), state) << answer;
        if (state != State::Failed) {
            EXPECT_EQ(content(), got);
        }
        return state;
    }
    void expect_corrupt(std::string_view answer, std::string_view what) {
        EXPECT_EQ(exchange(answer), State::Failed) << answer;
        EXPECT_EQ(download->failure().kind, Kind::Other);
        EXPECT_EQ(download->failure().why.what, what) << answer;
    }
    std::string content() const {
        EXPECT_EQ(memory_.substr(memory_.size() - 16), std::string(16, '\xa5')); // what lies behind
        return memory_.substr(0, download->bytes());
    }

    std::optional<HttpDownload> download;
    std::string memory_;
};

TEST_F(Http, a_request) {
    start("http://[fd00::2]:8080/dir/file?x=y");
    EXPECT_EQ(request(),
              "GET /dir/file?x=y HTTP/1.1\r\nHost: [fd00::2]:8080\r\nUser-Agent: Vireo\r\nAccept: */*\r\n"
              "Accept-Encoding: identity\r\nConnection: close\r\n\r\n");
}

TEST_F(Http, content_length) {
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH:  5 \r\n\r\nhello"), State::Done);
    EXPECT_EQ(content(), "hello");
    EXPECT_EQ(download->total(), 5u);
    // Without carriage returns, in version 1.0, without a reason.
    EXPECT_EQ(exchange("HTTP/1.0 200\nContent-Length: 5\n\nhello"), State::Done);
    EXPECT_EQ(content(), "hello");
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello and more"),
              State::Done);
    EXPECT_EQ(content(), "hello");
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), State::Done);
    EXPECT_EQ(content(), "");
}

TEST_F(Http, bad_content_lengths) {
    for (std::string_view bad :
         {"-1", "", "5x", "+5", "0x5", "5, 5", "1 2", "99999999999999999999999", "1e3"})
        expect_corrupt("HTTP/1.1 200 OK\r\nContent-Length: " + std::string(bad) + "\r\n\r\nhello",
                       "Content-Length is no number");
    expect_corrupt("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
                   "two different Content-Lengths");
    expect_corrupt(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "chunked, and a Content-Length too");
}

// Only the beginning of a long line is kept: zeros, and it meant a thousand.
TEST_F(Http, a_number_that_is_cut_off_is_no_number) {
    std::string zeros(2560, '0');
    for (std::string_view field : {"Content-Length: ", "Content-Range: bytes 0-4/", "Transfer-Encoding: "})
        expect_corrupt("HTTP/1.1 200 OK\r\n" + std::string(field) + zeros + "5\r\n\r\nhello",
                       "a header line of more than 2560 bytes");
    // A line of that length is whole.
    std::string name = "Content-Length:";
    EXPECT_EQ(
        exchange("HTTP/1.1 200 OK\r\n" + name + std::string(2560 - name.size() - 1, '0') + "5\r\n\r\nhello"),
        State::Done);
    EXPECT_EQ(content(), "hello");
    expect_corrupt("HTTP/1.1 200 OK\r\n" + name + std::string(2560 - name.size(), '0') + "5\r\n\r\nhello",
                   "a header line of more than 2560 bytes");
    std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect_corrupt(head + zeros + "5\r\nhello\r\n0\r\n\r\n", "a chunk without a size");
    // An extension, and a field that says nothing to us, may be long.
    EXPECT_EQ(exchange(head + "5;x=" + zeros + "\r\nhello\r\n0\r\n\r\n"), State::Done);
    EXPECT_EQ(content(), "hello");
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nX: " + zeros + "\r\nContent-Length: 2\r\n\r\nok"), State::Done);
}

TEST_F(Http, more_than_the_memory_takes_is_refused) {
    for (std::string_view length : {"65", "18446744073709551615"}) {
        EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nContent-Length: " + std::string(length) + "\r\n\r\nhello"),
                  State::Failed);
        EXPECT_EQ(download->failure().kind, Kind::TooLarge);
        EXPECT_EQ(std::to_string(*download->total()), length);
        EXPECT_EQ(download->bytes(), 0u);
    }
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\n\r\n" + std::string(65, 'x')), State::Failed);
    EXPECT_EQ(download->failure().kind, Kind::TooLarge);
    EXPECT_EQ(download->total(), std::nullopt);
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n" + std::string(65, 'x')),
              State::Failed);
    EXPECT_EQ(download->failure().kind, Kind::TooLarge);
    // To the last byte is allowed.
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + std::string(64, 'x')), State::Done);
    EXPECT_EQ(content(), std::string(64, 'x'));
}

TEST_F(Http, chunks) {
    std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n";
    EXPECT_EQ(exchange(head + "5\r\nhello\r\n0A ; name=\"x\"\r\n 0123456\r\n\r\n0\r\nTrailer: x\r\n\r\n"),
              State::Done);
    EXPECT_EQ(content(), "hello 0123456\r\n");
    EXPECT_EQ(exchange(head + "000000000000000000000005\r\nhello\r\n0\r\n\r\n"), State::Done);
    EXPECT_EQ(exchange(head + "0\r\n\r\n"), State::Done);
    expect_corrupt(head + "\r\nhello", "a chunk without a size");
    expect_corrupt(head + "-5\r\nhello", "a chunk without a size");
    expect_corrupt(head + "0x5\r\nhello", "a chunk without a size");
    expect_corrupt(head + "10000000000000005\r\nhello", "a chunk without a size");
    expect_corrupt(head + "5\r\nhello!\r\n0\r\n\r\n", "a chunk that is longer than it says");
    expect_corrupt("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "Transfer-Encoding");
    expect_corrupt("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                   "Transfer-Encoding");
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok"),
              State::Done);
}

TEST_F(Http, the_connection_may_be_the_end) {
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\n\r\nhello"), State::Running);
    download->ended({});
    EXPECT_EQ(download->state(), State::Done);
    EXPECT_EQ(content(), "hello");
    // Lost is not ended.
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\n\r\nhello"), State::Running);
    download->ended(error(ErrorCode::Io, "connection reset by peer"));
    EXPECT_EQ(download->state(), State::Connect);
}

TEST_F(Http, what_is_no_http_is_refused) {
    for (std::string_view bad :
         {"SSH-2.0-OpenSSH\r\n", "HTTP/2 200 OK\r\n", "HTTP/1.1  200 OK\r\n", "HTTP/1.1 2OO OK\r\n",
          "HTTP/1.1 2000 OK\r\n", "\r\n", "HTTP/1.x 200 OK\r\n", "HTTP/1.1 -20 OK\r\n"})
        expect_corrupt(bad, "this is no HTTP server");
    for (std::string_view bad : {"no colon", ": x", "Name : x", " folded: x", "\tfolded", "Two words: x"})
        expect_corrupt("HTTP/1.1 200 OK\r\n" + std::string(bad) + "\r\n\r\n", "a header line without a name");
}

// RFC 9112, section 5.2.
TEST_F(Http, folded_header_lines_are_one) {
    std::string head = "HTTP/1.1 200 OK\r\n";
    for (std::string_view fold : {"\r\n\t", "\r\n ", "\r\n   \t ", "\n ", "\r\n \r\n\t"}) {
        std::string folded(fold);
        EXPECT_EQ(exchange(head + "X-A: b" + folded + "c: d\r\nContent-Length: 2\r\n\r\nok"), State::Done);
        EXPECT_EQ(content(), "ok");
        EXPECT_EQ(exchange(head + "Content-Length:" + folded + "2\r\n\r\nok"), State::Done);
        EXPECT_EQ(content(), "ok");
        expect_corrupt(head + "Content-Length: 1" + folded + "2\r\n\r\nok", "Content-Length is no number");
        expect_corrupt(head + "Transfer-Encoding: gzip," + folded + "chunked\r\n\r\n", "Transfer-Encoding");
        EXPECT_EQ(exchange(head + "Transfer-Encoding:" + folded + "chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
                  State::Done);
        // The last field, and a trailer.
        EXPECT_EQ(exchange(head + "Content-Length: 2\r\nX: y" + folded + "\r\n\r\nok"), State::Done);
        EXPECT_EQ(content(), "ok");
        EXPECT_EQ(exchange(head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y" + folded + "z\r\n\r\n"),
                  State::Done);
    }
    start();
    request();
    hear("HTTP/1.1 302 Moved\r\nLocation:\r\n  /there\r\n\r\n");
    EXPECT_EQ(printed(download->url()), "http://h/there");
    // Folds count: for a line, and for the header.
    std::string folds;
    while (folds.size() < 3700)
        folds += "\r\n 0000";
    expect_corrupt(head + "Content-Length: 0" + folds + "\r\n\r\nok",
                   "a header line of more than 2560 bytes");
    std::string endless = head + "X: y";
    while (endless.size() <= 65536)
        endless += "\r\n z";
    expect_corrupt(endless + "\r\n", "header of more than 65536 bytes");
}

// A carriage return that ends no line is a byte.
TEST_F(Http, carriage_returns_within_a_line) {
    EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\nX: a\rb\r\r\nContent-Length: 2\r\n\r\nok"), State::Done);
    expect_corrupt("HTTP/1.1 200 OK\r\nContent-Length: 1\r2\r\n\r\nok", "Content-Length is no number");
}

TEST_F(Http, content_that_is_encoded_is_told_of) {
    for (auto [field, encoding] : {std::pair<std::string_view, std::string_view>{"gzip", "gzip"},
                                   {" GZIP ", "GZIP"},
                                   {"identity", ""},
                                   {"Identity", ""},
                                   {"", ""}}) {
        EXPECT_EQ(exchange("HTTP/1.1 200 OK\r\ncontent-encoding:" + std::string(field) +
                           "\r\nContent-Length: 2\r\n\r\nok"),
                  State::Done);
        EXPECT_EQ(download->header().encoding.view(), encoding);
    }
}

TEST_F(Http, a_header_without_end_is_given_up) {
    std::string line = "X: " + std::string(1021, 'x') + "\r\n";
    std::string header = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 63; ++i)
        header += line;
    EXPECT_EQ(exchange(header + "Content-Length: 2\r\n\r\nok"), State::Done);
    expect_corrupt(header + line, "header of more than 65536 bytes");
    expect_corrupt("HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'x'), "header of more than 65536 bytes");
    std::string continues;
    while (continues.size() <= 65536)
        continues += "HTTP/1.1 100 Continue\r\n\r\n";
    expect_corrupt(continues, "header of more than 65536 bytes");
    std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    expect_corrupt(chunked + "5;" + std::string(65536, 'x'), "header of more than 65536 bytes");
    expect_corrupt(chunked + "0\r\nX: " + std::string(65536, 'x'), "header of more than 65536 bytes");
}

TEST_F(Http, interim_answers_are_passed_over) {
    EXPECT_EQ(exchange("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n"
                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
              State::Done);
    EXPECT_EQ(content(), "ok");
}

TEST_F(Http, other_statuses_are_failures) {
    for (std::string_view status : {"404 Not Found", "500 Oops", "204 No Content", "304 Not Modified",
                                    "301 Nowhere", "412 No", "416 No"}) {
        EXPECT_EQ(exchange("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 2\r\n\r\nno"),
                  State::Failed);
        EXPECT_EQ(download->failure().kind, Kind::Status);
        EXPECT_EQ(std::to_string(download->header().status) + " " +
                      std::string(download->header().reason.view()),
                  status);
        EXPECT_EQ(download->bytes(), 0u);
    }
}

TEST_F(Http, redirects_are_followed) {
    start("http://h/a");
    for (std::string_view status : {"301", "302", "303", "307", "308"}) {
        request();
        hear("HTTP/1.1 " + std::string(status) + " Moved\r\nLocation: /x" + std::string(status) +
             "\r\nContent-Length: 3\r\n\r\nxxx");
        EXPECT_EQ(printed(download->url()), "http://h/x" + std::string(status));
    }
    request();
    hear("HTTP/1.1 302 Moved\r\nLocation: http://[fd00::1]:8080/y\r\n\r\n");
    EXPECT_EQ(printed(download->url()), "http://[fd00::1]:8080/y");
    EXPECT_EQ(download->redirects(), 6u);
    EXPECT_TRUE(request().starts_with("GET /y HTTP/1.1\r\nHost: [fd00::1]:8080\r\n"));
    hear("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    EXPECT_EQ(download->state(), State::Done);
    EXPECT_EQ(content(), "ok");
}

TEST_F(Http, redirects_end) {
    start("http://h/0");
    for (int i = 1; i <= 10; ++i) {
        request();
        hear("HTTP/1.1 302 Moved\r\nLocation: /" + std::to_string(i) + "\r\n\r\n");
    }
    request();
    hear("HTTP/1.1 302 Moved\r\nLocation: /11\r\n\r\n");
    ASSERT_EQ(download->state(), State::Failed);
    EXPECT_EQ(download->failure().kind, Kind::TooManyRedirects);
    // A loop is noticed at once.
    start("http://h/a");
    request();
    hear("HTTP/1.1 302 Moved\r\nLocation: /b\r\n\r\n");
    request();
    hear("HTTP/1.1 302 Moved\r\nLocation: http://h:80/a#x\r\n\r\n");
    ASSERT_EQ(download->state(), State::Failed);
    EXPECT_EQ(download->failure().kind, Kind::RedirectLoop);
    EXPECT_EQ(exchange("HTTP/1.1 302 Moved\r\nLocation: file\r\n\r\n"), State::Failed);
    EXPECT_EQ(download->failure().kind, Kind::RedirectLoop);
    expect_corrupt("HTTP/1.1 302 Moved\r\nLocation: https://h/\r\n\r\n", "only http:// URLs can be fetched");
    for (usize bytes : {2318, 3000})
        expect_corrupt("HTTP/1.1 302 Moved\r\nLocation: " + std::string(bytes, 'x') + "\r\n\r\n",
                       "a Location of more than 2317 bytes");
    expect_corrupt("HTTP/1.1 302 Moved\r\nLocation: " + std::string(2317, 'x') + "\r\n\r\n",
                   "a path of more than 2048 bytes in the URL");
    expect_corrupt("HTTP/1.1 302 Moved\r\nLocation: /a b\r\n\r\n",
                   "a blank or an unprintable character in the URL");
}

// Redirections that were long are followed: a session's token may have 2,048 bytes.
TEST_F(Http, a_long_location) {
    start();
    request();
    std::string target = "/" + std::string(2047, 'x');
    hear("HTTP/1.1 302 Moved\r\nLocation: http://" + std::string(253, 'h') + ":65535" + target + "\r\n\r\n");
    ASSERT_EQ(download->state(), State::Connect);
    EXPECT_EQ(download->url().target.view(), target);
    EXPECT_LT(request().size(), Url::max_bytes + 512); // what a request may have
}

// What a server says of "v1", and of the rest that it sends.
class HttpResume : public Http {
  protected:
    // The first half comes, then the connection breaks: the next request.
    std::string lose(std::string_view fields = "ETag: \"v1\"\r\nContent-Length: 10\r\n",
                     Result<> how = error(ErrorCode::Io, "reset")) {
        start();
        request();
        hear("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n01234");
        EXPECT_EQ(content(), "01234");
        download->ended(how);
        return request();
    }
    // What the second connection brings is thrown away with the first half, and a third one brings all.
    void expect_fresh_start(std::string_view why) {
        ASSERT_EQ(download->state(), State::Connect) << why;
        EXPECT_TRUE(download->is_starting_anew());
        EXPECT_EQ(download->bytes(), 0u);
        std::string third = request();
        EXPECT_EQ(third.find("Range"), third.npos) << third;
        hear("HTTP/1.1 200 OK\r\nETag: \"v2\"\r\nContent-Length: 6\r\n\r\nabcdef");
        EXPECT_EQ(download->state(), State::Done);
        EXPECT_EQ(content(), "abcdef");
    }
};

TEST_F(HttpResume, a_broken_connection_is_resumed_once) {
    for (auto how : {Result<>(), Result<>(error(ErrorCode::Timeout, "stalled"))}) {
        std::string second = lose("ETag: \"v1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                  "Content-Length: 10\r\n",
                                  how);
        EXPECT_NE(second.find("\r\nRange: bytes=5-\r\nIf-Range: \"v1\"\r\n\r\n"), second.npos) << second;
        hear("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes 5-9/10\r\n"
             "Content-Length: 5\r\n\r\n567");
        EXPECT_EQ(download->state(), State::Running);
        hear("89");
        EXPECT_EQ(download->state(), State::Done);
        EXPECT_EQ(content(), "0123456789");
    }
    // The second time it is an error, however the rest is framed.
    for (std::string_view framing : {"", "Content-Length: 5\r\n"}) {
        lose();
        hear("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes 5-9/*\r\n" +
             std::string(framing) + "\r\n567");
        download->ended({});
        ASSERT_EQ(download->state(), State::Failed);
        EXPECT_STREQ(download->failure().why.what, "the server closed the connection too early");
        EXPECT_EQ(download->bytes(), 8u);
    }
    // A file whose size nobody knew at first.
    lose("ETag: \"v1\"\r\n");
    hear("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes 5-9/10\r\n\r\n56789");
    EXPECT_EQ(download->state(), State::Running);
    download->ended({});
    EXPECT_EQ(download->state(), State::Done);
    EXPECT_EQ(content(), "0123456789");
    lose("ETag: \"v1\"\r\n");
    hear("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Range: bytes 5-99/100\r\n\r\n");
    ASSERT_EQ(download->state(), State::Failed); // the memory has 64 bytes
    EXPECT_EQ(download->failure().kind, Kind::TooLarge);
}

TEST_F(HttpResume, without_a_validator_all_of_it_comes_again) {
    std::string second = lose("Content-Length: 10\r\n");
    EXPECT_EQ(second.find("Range"), second.npos) << second;
    EXPECT_EQ(download->bytes(), 0u);
    // A part that nobody asked for is none that can be used.
    hear("HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-9/10\r\n\r\n56789");
    ASSERT_EQ(download->state(), State::Failed);
    EXPECT_STREQ(download->failure().why.what, "a part of the file that was not asked for");
    EXPECT_EQ(exchange("HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/5\r\n\r\nhello"), State::Failed);
}

TEST_F(HttpResume, which_version_of_the_file_it_is) {
    auto if_range = [&](std::string_view fields) {
        std::string text = lose(std::string(fields) + "Content-Length: 10\r\n");
        usize at = text.find("If-Range: ");
        EXPECT_EQ(at == text.npos, text.find("Range: ") == text.npos) << text;
        return at == text.npos ? "" : text.substr(at + 10, text.find("\r\n", at) - at - 10);
    };
    std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
    std::string modified = "Last-Modified: " + date + "\r\n";
    std::string later = "Date: Sun, 06 Nov 1994 08:50:37 GMT\r\n";
    EXPECT_EQ(if_range(modified + "ETag: \"a\"\r\n" + later), "\"a\"");
    EXPECT_EQ(if_range("ETag: \"a\"\r\n" + modified + later), "\"a\"");
    EXPECT_EQ(if_range("ETag: \"\"\r\n"), "\"\"");
    // A weak tag says that bytes may differ; where there is any tag, the date does not count.
    EXPECT_EQ(if_range("ETag: W/\"a\"\r\n"), "");
    EXPECT_EQ(if_range("ETag: W/\"a\"\r\n" + modified + later), "");
    EXPECT_EQ(if_range(modified + later + "ETag: W/\"a\"\r\n"), "");
    // What is no tag.
    for (std::string_view bad :
         {"a", "\"a", "a\"", "\"", "\"a\x01\"", "\"a\"b\"", "\"a b\"", "w/\"a\"", "", "\"a\", \"b\""})
        EXPECT_EQ(if_range("ETag: " + std::string(bad) + "\r\n" + modified + later), "") << bad;
    EXPECT_EQ(if_range("ETag: \"a\"\r\nETag: \"b\"\r\n"), "");
    EXPECT_EQ(if_range("ETag: \"" + std::string(126, 'a') + "\"\r\n"), "\"" + std::string(126, 'a') + "\"");
    EXPECT_EQ(if_range("ETag: \"" + std::string(127, 'a') + "\"\r\n"), "");
    EXPECT_EQ(if_range("ETag: \"" + std::string(3000, 'a') + "\"\r\n"), "");
    // A date, if the file has rested for a minute by the server's own clock.
    EXPECT_EQ(if_range(modified + later), date);
    EXPECT_EQ(if_range(later + modified), date);
    EXPECT_EQ(if_range(modified + "Date: Mon, 01 Jan 2029 00:00:00 GMT\r\n"), date);
    EXPECT_EQ(if_range(modified), "");
    EXPECT_EQ(if_range(later), "");
    for (std::string_view other :
         {"Sun, 06 Nov 1994 08:50:36 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", "Sat, 05 Nov 1994 08:50:37 GMT",
          "Thu, 06 Oct 1994 08:50:37 GMT", "Sat, 06 Nov 1993 08:50:37 GMT", "yesterday", "",
          "Sunday, 06-Nov-94 08:50:37 GMT", "Sun Nov  6 08:50:37 1994", "Sun, 06 nov 1994 08:50:37 GMT",
          "Sun, 06 Nov 1994 08:50:37 UTC", "Sun, 06 Nov 1994 08:50:3x GMT", "Sun, 06 Nov 1994  8:50:37 GMT",
          "Sun, 06 anF 1994 08:50:37 GMT",
          "Sun, 06 Nov 1994 08:50:37 GMT "
          "x"}) {
        EXPECT_EQ(if_range(modified + "Date: " + std::string(other) + "\r\n"), "") << other;
        EXPECT_EQ(if_range("Last-Modified: " + std::string(other) + "\r\nDate: " + date + "\r\n"),
                  other == "Sat, 05 Nov 1994 08:50:37 GMT" || other == "Thu, 06 Oct 1994 08:50:37 GMT" ||
                          other == "Sat, 06 Nov 1993 08:50:37 GMT"
                      ? other
                      : "")
            << other;
    }
    // Over the ends of a month, a leap day and a year.
    EXPECT_EQ(
        if_range("Last-Modified: Tue, 29 Feb 2000 23:59:59 GMT\r\nDate: Wed, 01 Mar 2000 00:00:58 GMT\r\n"),
        "");
    EXPECT_NE(
        if_range("Last-Modified: Tue, 29 Feb 2000 23:59:59 GMT\r\nDate: Wed, 01 Mar 2000 00:00:59 GMT\r\n"),
        "");
    EXPECT_EQ(
        if_range("Last-Modified: Fri, 31 Dec 1999 23:59:59 GMT\r\nDate: Sat, 01 Jan 2000 00:00:58 GMT\r\n"),
        "");
    EXPECT_NE(
        if_range("Last-Modified: Fri, 31 Dec 1999 23:59:59 GMT\r\nDate: Sat, 01 Jan 2000 00:00:59 GMT\r\n"),
        "");
}

TEST_F(HttpResume, a_server_that_sends_all_of_it_begins_anew) {
    lose();
    hear("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"); // and the file became another one
    EXPECT_EQ(content(), "abc");
    hear("def");
    EXPECT_EQ(download->state(), State::Done);
    EXPECT_EQ(content(), "abcdef");
    EXPECT_FALSE(download->is_starting_anew());
}

TEST_F(HttpResume, a_rest_of_another_version_is_not_joined) {
    std::string range = "Content-Range: bytes 5-9/10\r\n";
    for (std::string_view fields :
         {"", "ETag: \"v2\"\r\n", "ETag: W/\"v1\"\r\n", "ETag: \"v1\"\r\nETag: \"v2\"\r\n", "ETag: v1\r\n",
          "ETag: \"V1\"\r\n", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
          "ETag: \"v1\"\r\nContent-Encoding: gzip\r\n",
          "ETag: \"v1\"\r\nContent-Type: multipart/byteranges; boundary=x\r\n",
          "ETag: \"v1\"\r\nContent-Type: Multipart/ByteRanges\r\n"}) {
        lose();
        hear("HTTP/1.1 206 Partial Content\r\n" + range + std::string(fields) + "\r\n56789");
        expect_fresh_start(fields);
    }
    std::string dates =
        "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Sun, 06 Nov 1994 08:50:37 GMT\r\n";
    for (std::string_view fields :
         {"", "Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT\r\nDate: Sun, 06 Nov 1994 09:50:37 GMT\r\n",
          "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
          "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Sun, 06 Nov 1994 08:50:37 GMT\r\nETag: "
          "\"x\"\r\n"}) {
        lose(dates + "Content-Length: 10\r\n");
        hear("HTTP/1.1 206 Partial Content\r\n" + range + std::string(fields) + "\r\n56789");
        expect_fresh_start(fields);
    }
    lose(dates + "Content-Length: 10\r\n");
    hear("HTTP/1.1 206 Partial Content\r\n" + range + dates + "\r\n56789");
    download->ended({});
    EXPECT_EQ(download->state(), State::Done);
    // Packed and then plain, packed in another way, and packed both times.
    lose("ETag: \"v1\"\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n");
    hear("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\n" + range + "\r\n56789");
    expect_fresh_start("plain");
    lose("ETag: \"v1\"\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n");
    hear("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Encoding: br\r\n" + range + "\r\n56789");
    expect_fresh_start("br");
    lose("ETag: \"v1\"\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n");
    hear("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nContent-Encoding: gzip\r\n" + range +
         "Content-Length: 5\r\n\r\n56789");
    EXPECT_EQ(download->state(), State::Done);
}

TEST_F(HttpResume, a_rest_that_does_not_fit_is_not_joined) {
    for (std::string_view range :
         {"bytes 4-9/10", "bytes 6-9/10", "bytes 5-8/10", "bytes 5-10/11", "bytes 5-8/9", "bytes 5-8/*",
          "bytes 5-10/*", "lines 5-9/10", "bytes */10", "", "bytes 0-9/10"}) {
        lose();
        hear("HTTP/1.1 206 Partial\r\nETag: \"v1\"\r\nContent-Range: " + std::string(range) +
             "\r\n\r\n56789");
        expect_fresh_start(range);
    }
    for (std::string_view range :
         {"bytes 5-9/9", "bytes 9-5/10", "bytes x-9/10", "bytes 5-9", "bytes 5/10", "bytes -9/10"}) {
        lose();
        hear("HTTP/1.1 206 Partial\r\nETag: \"v1\"\r\nContent-Range: " + std::string(range) +
             "\r\n\r\n56789");
        EXPECT_EQ(download->state(), State::Failed) << range;
        EXPECT_STREQ(download->failure().why.what, "Content-Range makes no sense");
        EXPECT_EQ(content(), "01234");
    }
    // Its length contradicts its range; no size was ever said.
    lose();
    hear("HTTP/1.1 206 Partial\r\nETag: \"v1\"\r\nContent-Range: bytes 5-9/10\r\nContent-Length: "
         "6\r\n\r\n567890");
    expect_fresh_start("length");
    lose("ETag: \"v1\"\r\n");
    hear("HTTP/1.1 206 Partial\r\nETag: \"v1\"\r\nContent-Range: bytes 5-9/*\r\n\r\n56789");
    expect_fresh_start("no size");
    // In chunks, and fewer than were announced.
    lose();
    hear("HTTP/1.1 206 Partial\r\nETag: \"v1\"\r\nContent-Range: bytes 5-9/10\r\nTransfer-Encoding: "
         "chunked\r\n\r\n"
         "3\r\n567\r\n0\r\n\r\n");
    ASSERT_EQ(download->state(), State::Failed);
    EXPECT_STREQ(download->failure().why.what, "less than was announced");
}

TEST_F(HttpResume, a_server_that_refuses_the_rest_is_asked_for_all) {
    for (std::string_view status : {"412 Precondition Failed", "416 Range Not Satisfiable"}) {
        lose();
        hear("HTTP/1.1 " + std::string(status) + "\r\nContent-Range: bytes */4\r\nContent-Length: 0\r\n\r\n");
        expect_fresh_start(status);
    }
    lose();
    hear("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    ASSERT_EQ(download->state(), State::Failed);
    EXPECT_EQ(download->failure().kind, Kind::Status);
}

// The same tag somewhere else means nothing.
TEST_F(HttpResume, a_rest_from_another_place_is_not_joined) {
    lose();
    hear("HTTP/1.1 302 Moved\r\nLocation: /mirror\r\n\r\n");
    std::string third = request();
    EXPECT_EQ(third.find("Range"), third.npos) << third;
    hear("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 6\r\n\r\nabcdef");
    EXPECT_EQ(download->state(), State::Done);
    EXPECT_EQ(content(), "abcdef");
}

// However often things break: connections end.
TEST_F(HttpResume, a_fresh_start_is_the_last_one) {
    lose();
    hear("HTTP/1.1 206 Partial\r\nETag: \"v2\"\r\nContent-Range: bytes 5-9/10\r\n\r\n");
    request();
    hear("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 10\r\n\r\n01234");
    download->ended(error(ErrorCode::Io, "reset by peer"));
    ASSERT_EQ(download->state(), State::Failed);
    EXPECT_STREQ(download->failure().why.what, "reset by peer");
}

TEST_F(Http, what_is_new_is_progress) {
    start();
    u64 before = download->progress();
    auto grows = [&](u64 by) {
        EXPECT_EQ(download->progress() - std::exchange(before, download->progress()), by);
    };
    download->connecting();
    grows(1);
    request();
    grows(1);
    // Lines are none: neither interim answers nor fields nor the sizes of chunks.
    hear("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: "
         "chunked\r\n\r\n5;x=y\r\n");
    grows(0);
    hear("hello\r\n");
    grows(5);
    download->ended({});
    request();
    EXPECT_EQ(download->bytes(), 0u);
    grows(1); // what is thrown away has come all the same
    download->lose_patience(7);
    ASSERT_EQ(download->state(), State::Failed);
    EXPECT_EQ(download->failure().kind, Kind::TooSlow);
    EXPECT_EQ(download->failure().rate, 7u);
}

TEST_F(Http, a_connection_that_ends_before_the_answer_is_tried_again_once) {
    start();
    request();
    download->ended(error(ErrorCode::Io, "reset by peer"));
    EXPECT_TRUE(download->is_resuming());
    EXPECT_EQ(request().find("Range"), std::string::npos);
    download->ended(error(ErrorCode::Io, "reset by peer"));
    ASSERT_EQ(download->state(), State::Failed);
    EXPECT_STREQ(download->failure().why.what, "reset by peer");
}

} // namespace
} // namespace vireo::test
