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
    EXPECT_EQ(parsed("http://h/" + std::string(1023, 'a')), "http://h/" + std::string(1023, 'a'));
    EXPECT_EQ(parsed("http://h/" + std::string(1024, 'a')), "error: URL");
    EXPECT_EQ(parsed("http://" + std::string(254, 'a')), "error: host name");
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
    EXPECT_EQ(resolved(std::string(1100, 'a')), "error: URL");
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
    std::string zeros(2048, '0');
    for (std::string_view field : {"Content-Length: ", "Content-Range: bytes 0-4/", "Transfer-Encoding: "})
        expect_corrupt("HTTP/1.1 200 OK\r\n" + std::string(field) + zeros + "5\r\n\r\nhello", "header line");
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
        expect_corrupt("HTTP/1.1 200 OK\r\n" + std::string(bad) + "\r\n", "a header line without a name");
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
    for (std::string_view status :
         {"404 Not Found", "500 Oops", "204 No Content", "304 Not Modified", "301 Nowhere", "416 No"}) {
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
    expect_corrupt("HTTP/1.1 302 Moved\r\nLocation: " + std::string(3000, 'x') + "\r\n\r\n", "Location");
    expect_corrupt("HTTP/1.1 302 Moved\r\nLocation: /a b\r\n\r\n",
                   "a blank or an unprintable character in the URL");
}

TEST_F(Http, a_broken_connection_is_resumed_once) {
    start();
    request();
    hear("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nLast-Modified: yesterday\r\nContent-Length: 10\r\n\r\n01234");
    download->ended(error(ErrorCode::Timeout, "stalled"));
    std::string second = request();
    EXPECT_NE(second.find("\r\nRange: bytes=5-\r\nIf-Range: \"v1\"\r\n\r\n"), second.npos) << second;
    hear("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n567");
    EXPECT_EQ(download->state(), State::Running);
    hear("89");
    EXPECT_EQ(download->state(), State::Done);
    EXPECT_EQ(content(), "0123456789");

    start();
    request();
    hear("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    download->ended({});
    EXPECT_EQ(request().find("If-Range"), std::string::npos);
    hear("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/*\r\n\r\n567");
    download->ended({});
    ASSERT_EQ(download->state(), State::Failed);
    EXPECT_STREQ(download->failure().why.what, "the server closed the connection too early");
    EXPECT_EQ(download->bytes(), 8u);
}

TEST_F(Http, which_version_of_the_file_it_is) {
    auto if_range = [&](std::string_view fields) {
        start();
        request();
        hear("HTTP/1.1 200 OK\r\n" + std::string(fields) + "Content-Length: 10\r\n\r\n01234");
        download->ended({});
        std::string text = request();
        usize at = text.find("If-Range: ");
        return at == text.npos ? "" : text.substr(at + 10, text.find("\r\n", at) - at - 10);
    };
    EXPECT_EQ(if_range("Last-Modified: yesterday\r\nETag: \"a\"\r\n"), "\"a\"");
    EXPECT_EQ(if_range("ETag: W/\"a\"\r\nLast-Modified: yesterday\r\n"), "yesterday");
    EXPECT_EQ(if_range("ETag: \"a\x01\"\r\n"), "");
    EXPECT_EQ(if_range("ETag: \"" + std::string(130, 'a') + "\"\r\n"), "");
    EXPECT_EQ(if_range(""), "");
}

TEST_F(Http, a_server_that_cannot_resume_begins_anew) {
    start();
    request();
    hear("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    download->ended(error(ErrorCode::Io, "reset"));
    request();
    hear("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"); // and the file became another one
    EXPECT_EQ(content(), "abc");
    hear("def");
    EXPECT_EQ(download->state(), State::Done);
    EXPECT_EQ(content(), "abcdef");
}

TEST_F(Http, a_rest_that_does_not_fit_is_refused) {
    for (std::string_view range :
         {"bytes 4-9/10", "bytes 6-9/10", "bytes 5-8/10", "bytes 5-10/11", "bytes 5-9/9", "bytes 9-5/10",
          "bytes x-9/10", "bytes 5-9", "bytes 5/10", "bytes -9/10", "lines 5-9/10", "bytes */10", ""}) {
        start();
        request();
        hear("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
        download->ended({});
        request();
        hear("HTTP/1.1 206 Partial\r\nContent-Range: " + std::string(range) + "\r\n\r\n56789");
        EXPECT_EQ(download->state(), State::Failed) << range;
        EXPECT_EQ(content(), "01234");
    }
    // Nobody asked for a part.
    EXPECT_EQ(exchange("HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/5\r\n\r\n"), State::Failed);
    // Its length contradicts its range.
    start();
    request();
    hear("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    download->ended({});
    request();
    hear("HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 6\r\n\r\n567890");
    EXPECT_EQ(download->state(), State::Failed);
    EXPECT_EQ(content(), "01234");
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
