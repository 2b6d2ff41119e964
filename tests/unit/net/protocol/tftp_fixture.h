// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/protocol/tftp.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vireo::test {

using namespace std::string_literals;
using net::IpAddress;
using net::TftpOptions;
using net::TftpReader;
using net::TftpSession;
using net::TftpWriter;
using State = TftpSession::State;
using Kind = TftpSession::Failure::Kind;

inline IpAddress v4(u8 last) { return {IpAddress::Family::V4, {192, 0, 2, last}}; }
inline const IpAddress server = v4(1);
constexpr u16 server_port = 3456;

inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string u16_of(unsigned value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value)};
}
inline std::string data(unsigned block, std::string_view content) {
    return "\0\3"s + u16_of(block) + std::string(content);
}
inline std::string ack(unsigned block) { return "\0\4"s + u16_of(block); }
inline std::string error_packet(unsigned code, std::string_view text) {
    return "\0\5"s + u16_of(code) + std::string(text) + "\0"s;
}
inline std::string option_ack(std::string_view options) { return "\0\6"s + std::string(options); }

struct Sent {
    std::string bytes;
    IpAddress to;
    u16 port;
};

class Wire final : public net::TftpPort {
  public:
    void send(Bytes datagram, const IpAddress& to, u16 port) override {
        sent.push_back(
            {std::string(reinterpret_cast<const char*>(datagram.data()), datagram.size()), to, port});
    }
    // What was sent since the last look, to the server's port.
    std::vector<std::string> take() {
        std::vector<std::string> all;
        for (Sent& each : std::exchange(sent, {})) {
            EXPECT_TRUE(each.to == server);
            all.push_back(std::move(each.bytes));
        }
        return all;
    }
    std::vector<Sent> sent;
};

using Texts = std::vector<std::string>;

class Tftp : public testing::Test {
  protected:
    TftpReader& read(TftpOptions options, usize memory_bytes = 4096) {
        memory.assign(memory_bytes + guard, '\xa5');
        reader.emplace(wire, server, "dir/file", options,
                       std::as_writable_bytes(std::span(memory)).first(memory_bytes));
        session = &*reader;
        session->start(now);
        return *reader;
    }
    TftpWriter& write(TftpOptions options, std::string_view content) {
        memory = content;
        writer.emplace(wire, server, "out", options, bytes_of(memory));
        session = &*writer;
        session->start(now);
        return *writer;
    }
    void answer(std::string_view packet, u16 port = server_port, const IpAddress& from = server) {
        session->datagram(bytes_of(packet), from, port, now);
    }
    // To the moment at which the session wants to be woken.
    void wake() {
        now = session->wakes_at();
        session->tick(now);
    }
    void pass(event::Duration time) { now = now + time; }
    void expect_failure(Kind kind) {
        ASSERT_EQ(session->state(), State::Failed);
        EXPECT_EQ(session->failure().kind, kind);
    }
    std::string content() const { return memory.substr(0, session->bytes()); }
    void expect_guard() const { EXPECT_EQ(memory.substr(memory.size() - guard), std::string(guard, '\xa5')); }

    static constexpr usize guard = 64;
    Wire wire;
    event::Instant now{1'000'000};
    std::string memory;
    std::optional<TftpReader> reader;
    std::optional<TftpWriter> writer;
    TftpSession* session = nullptr;
};

inline const std::string plain_request = "\0\1dir/file\0octet\0tsize\0"
                                         "0\0timeout\0"
                                         "1\0"s;
inline const std::string full_request = "\0\1dir/file\0octet\0blksize\0"
                                        "1468\0tsize\0"
                                        "0\0timeout\0"
                                        "1\0windowsize\0"
                                        "4\0"s;

} // namespace vireo::test
