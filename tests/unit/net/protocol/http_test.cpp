// SPDX-License-Identifier: Apache-2.0
// HTTP responses and downloads, byte by byte and all at once, without a connection.
#include "unit/net/protocol/http_fixture.h"

namespace vireo::test {
namespace {

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
