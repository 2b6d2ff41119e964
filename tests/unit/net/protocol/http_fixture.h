// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/protocol/http.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vireo::test {

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

inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string printed(const Url& url) {
    Text text;
    url.print(text);
    return text.take();
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

} // namespace vireo::test
