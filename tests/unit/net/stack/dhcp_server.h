// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unit/net/stack/peer.h"

namespace vireo::test {

using Option = net::DhcpOption;

struct Text final : Writer {
    std::string text;
    void write(std::string_view more) override { text += more; }
};

// A DHCP server on the other side, written from RFC 2131 and 2132, that answers as it is told.
class DhcpTest : public NetworkTest {
  protected:
    enum Type : u8 { Discover = 1, Offer, Request, Decline, Acknowledge, Refuse, Release };

    DhcpTest() {
        peer->on_datagram = [this](u32, u16 from, u16 to, const Octets& message) {
            if (from == 68 && to == 67 && answer)
                take(message);
        };
    }
    static Octets option(u8 code, const Octets& value) {
        Octets bytes{code, static_cast<u8>(value.size())};
        packets::put(bytes, value);
        return bytes;
    }
    static Octets option(u8 code, std::string_view value) {
        return option(code, Octets(value.begin(), value.end()));
    }
    static Octets number(u32 value) {
        Octets bytes;
        packets::put32(bytes, value);
        return bytes;
    }
    // The value of an option of what the client sent.
    static std::optional<Octets> find(const Octets& message, u8 code) {
        for (usize at = 240; at + 1 < message.size() && message[at] != 255;) {
            if (message[at] == 0) {
                ++at;
                continue;
            }
            if (message[at] == code)
                return packets::slice(message, at + 2, message[at + 1]);
            at += 2 + usize{message[at + 1]};
        }
        return std::nullopt;
    }
    Octets reply(const Octets& to, Type type, const Octets& options, u32 yours = OtherHost::ours) const {
        Octets message{2, 1, 6, 0};
        packets::put(message, packets::slice(to, 4, 4)); // xid
        message.resize(16);
        packets::put32(message, yours);
        packets::put32(message, next_server);
        message.resize(28);
        packets::put(message, packets::slice(to, 28, 16)); // chaddr
        message.resize(44);
        packets::put(message, server_name);
        message.resize(108);
        packets::put(message, file);
        message.resize(236);
        packets::put32(message, 0x63825363);
        packets::put(message, option(53, Octets{type}));
        packets::put(message, options);
        if (has_end)
            message.push_back(255);
        return message;
    }
    Octets usual_options() const {
        Octets options = option(54, number(OtherHost::address));
        packets::put(options, option(51, number(3600)));
        packets::put(options, option(1, number(0xffffff00)));
        packets::put(options, option(3, number(OtherHost::address)));
        packets::put(options, option(6, number(0x0a000203)));
        packets::put(options, more);
        return options;
    }
    void take(const Octets& message) {
        auto type = find(message, 53);
        ASSERT_TRUE(type && type->size() == 1);
        seen.push_back((*type)[0]);
        messages.push_back(message);
        answer((*type)[0], message);
    }
    void send(const Octets& message) {
        const u32 everybody = 0xffffffff;
        Octets datagram = packets::udp(OtherHost::address, 67, everybody, 68, message);
        peer->send_frame(packets::ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, OtherHost::mac, 0x0800,
                                           packets::ipv4(OtherHost::address, everybody, 17, datagram)));
    }
    void answer_well() {
        answer = [this](u8 type, const Octets& message) {
            if (type == Discover)
                send(reply(message, Offer, usual_options()));
            if (type == Request)
                send(reply(message, Acknowledge, usual_options()));
        };
    }
    Result<net::DhcpLease> ask(event::Duration patience = event::Duration::seconds(30)) {
        if (!network->card())
            EXPECT_TRUE(network->open(*card));
        return network->dhcp(watcher, client, event::Budget::total(patience));
    }

    std::function<void(u8 type, const Octets& message)> answer;
    std::vector<u8> seen;
    std::vector<Octets> messages;
    u32 next_server = 0;
    Octets file, server_name;
    Octets more; // options
    bool has_end = true;
    net::DhcpClient client;
    Text console;
    // What the shell prints of it.
    struct Watcher final : net::DhcpWatcher {
        explicit Watcher(Text& text) : out(text) {}
        void asks(u32 number) override { print(out, "BOOTP broadcast {}\n", number); }
        Text& out;
    } watcher{console};
};

} // namespace vireo::test
