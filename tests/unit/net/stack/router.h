// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "unit/net/stack/peer.h"

namespace vireo::test {

// A router on the other side: it answers who asks for it, and says of the network what it is told.
class Ipv6Test : public NetworkTest {
  protected:
    static packets::Address6 parse(const char* text) { return net::IpAddress::parse(text)->bytes; }
    const packets::Address6 router = parse("fe80::5055:aff:fe00:202");
    const packets::Address6 all_nodes = parse("ff02::1");
    const packets::Address6 any = parse("::");

    Ipv6Test() {
        peer->on_frame = [this](const Frame& frame) {
            if (packets::get16(frame, 12) == 0x86dd)
                take(packets::slice(frame, 14));
        };
    }
    static packets::Address6 address_at(const Octets& bytes, usize at) {
        packets::Address6 address;
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 16, address.begin());
        return address;
    }
    void send(const packets::Address6& from, const packets::Address6& to, u8 type, const Octets& rest) {
        bool is_group = to[0] == 0xff;
        packets::Mac mac =
            is_group ? packets::Mac{0x33, 0x33, to[12], to[13], to[14], to[15]} : card->facts().mac;
        peer->send_frame(
            packets::ethernet(mac, OtherHost::mac, 0x86dd,
                              packets::ipv6(from, to, 58, packets::icmp6(from, to, type, 0, rest))));
    }
    static Octets link_layer_option(u8 type) {
        Octets option{type, 1};
        packets::put(option, OtherHost::mac);
        return option;
    }
    static Octets prefix_option(u8 length, u8 flags, u32 valid_seconds) {
        Octets option{3, 4, length, flags};
        packets::put32(option, valid_seconds);
        packets::put32(option, std::min(valid_seconds, 14400u));
        packets::put32(option, 0);
        packets::put(option, parse("2001:db8:1::"));
        return option;
    }
    // RFC 8106, 5.1.
    static Octets servers_option(const std::vector<packets::Address6>& servers, u32 seconds = 1800) {
        Octets option{25, static_cast<u8>(1 + 2 * servers.size()), 0, 0};
        packets::put32(option, seconds);
        for (const packets::Address6& server : servers)
            packets::put(option, server);
        return option;
    }
    void advertise_with(const packets::Address6& from, const packets::Address6& to, const Octets& options,
                        u8 flags = 0) {
        Octets rest{64, flags};
        packets::put16(rest, 1800); // router lifetime
        packets::put32(rest, 0);
        packets::put32(rest, 0);
        packets::put(rest, link_layer_option(1));
        packets::put(rest, options);
        send(from, to, 134, rest);
    }
    void advertise(const packets::Address6& to) {
        Octets rest = prefix;
        if (names_server)
            packets::put(rest, servers_option({router}));
        advertise_with(router, to, rest, router_flags);
    }
    // A name server: whatever is asked for is 2001:db8::7.
    void answer_name(const packets::Address6& asker, const Octets& datagram) {
        Octets question = packets::slice(datagram, 8);
        Octets answer = packets::slice(question, 0, 2);
        for (u16 word : {0x8180, 1, 1, 0, 0})
            packets::put16(answer, word);
        packets::put(answer, packets::slice(question, 12));
        packets::put(answer, Octets{0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16});
        packets::put(answer, parse("2001:db8::7"));
        Octets reply;
        packets::put16(reply, 53);
        packets::put16(reply, packets::get16(datagram, 0));
        packets::put16(reply, static_cast<u32>(8 + answer.size()));
        packets::put16(reply, 0);
        packets::put(reply, answer);
        packets::set16(reply, 6,
                       packets::checksum(reply, packets::pseudo_sum(router, asker, 17, reply.size())));
        peer->send_frame(packets::ethernet(card->facts().mac, OtherHost::mac, 0x86dd,
                                           packets::ipv6(router, asker, 17, reply)));
    }
    void take(const Octets& packet) {
        Octets message = packets::slice(packet, 40);
        if (packet.at(6) == 17 && packets::get16(message, 2) == 53)
            answer_name(address_at(packet, 8), message);
        if (packet.at(6) != 58)
            return; // with a hop-by-hop header: multicast listener reports
        packets::Address6 from = address_at(packet, 8), to = address_at(packet, 24);
        EXPECT_EQ(packets::checksum(message, packets::pseudo_sum(from, to, 58, message.size())), 0);
        u8 type = message.at(0);
        if (type == 133) {
            ++solicitations;
            if (has_router)
                advertise(all_nodes);
        }
        if (type == 135 && from != any && address_at(message, 8) == router) { // who has the router's address?
            Octets rest{0xe0, 0, 0, 0};
            packets::put(rest, router);
            packets::put(rest, link_layer_option(2));
            send(router, from, 136, rest);
        }
        if (type == 135 && from == any) {
            probed.push_back(address_at(message, 8));
            if (somebody_has_it) {
                Octets rest{0x20, 0, 0, 0};
                packets::put(rest, address_at(message, 8));
                packets::put(rest, link_layer_option(2));
                send(address_at(message, 8), all_nodes, 136, rest);
            }
        }
        if (type == 128 && to == router)
            send(router, from, 129, packets::slice(message, 4));
        if (type == 129)
            ++replies;
    }
    static constexpr u8 on_link_autonomous = 0xc0;
    Octets prefix = prefix_option(64, on_link_autonomous, 86400);
    u8 router_flags = 0;
    const net::IpAddress router_address{net::IpAddress::Family::V6, router};
    const net::IpAddress near = *net::IpAddress::parse("fe80::5055:aff:fe00:202");
    bool has_router = true;
    bool somebody_has_it = false;
    bool names_server = false;
    int solicitations = 0;
    int replies = 0;
    std::vector<packets::Address6> probed;
};

} // namespace vireo::test
