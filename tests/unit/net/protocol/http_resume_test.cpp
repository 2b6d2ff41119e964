// SPDX-License-Identifier: Apache-2.0
// Downloads that broke: parts of two versions are never joined.
#include "unit/net/protocol/http_fixture.h"

namespace vireo::test {
namespace {

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
    // What is no date does not go back to the server: at each place something else.
    for (usize place = 0; place < date.size(); ++place) {
        std::string other = date;
        other[place] = '\x14';
        EXPECT_EQ(if_range("Last-Modified: " + other + "\r\n" + later), "") << place;
    }
    EXPECT_EQ(if_range("Last-Modified: " + date + "x\r\n" + later), "");
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

} // namespace
} // namespace vireo::test
