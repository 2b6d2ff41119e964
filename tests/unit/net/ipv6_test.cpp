// SPDX-License-Identifier: Apache-2.0
// Neighbour discovery, addresses from router advertisements, ping: RFC 4861, 4862, 4443.
#include "unit/net/peer.h"

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;
using packets::Address6;

class Ipv6Test : public NetworkTest {
  protected:
    static Address6 parse(const char* text) { return IpAddress::parse(text)->bytes; }
    const Address6 router = parse("fe80::5055:aff:fe00:202");
    const Address6 all_nodes = parse("ff02::1");
    const Address6 any = parse("::");

    Ipv6Test() {
        peer->on_frame = [this](const Frame& frame) {
            if (packets::get16(frame, 12) == 0x86dd)
                take(packets::slice(frame, 14));
        };
    }
    static Address6 address_at(const Octets& bytes, usize at) {
        Address6 address;
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 16, address.begin());
        return address;
    }
    void send(const Address6& from, const Address6& to, u8 type, const Octets& rest) {
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
    void advertise(const Address6& to) {
        Octets rest{64, 0};
        packets::put16(rest, 1800); // router lifetime
        packets::put32(rest, 0);
        packets::put32(rest, 0);
        packets::put(rest, link_layer_option(1));
        rest.insert(rest.end(), {3, 4, 64, 0xc0}); // prefix: on link, autonomous
        packets::put32(rest, 86400);
        packets::put32(rest, 14400);
        packets::put32(rest, 0);
        packets::put(rest, parse("2001:db8:1::"));
        if (names_server) {
            rest.insert(rest.end(), {25, 3, 0, 0}); // RFC 8106, 5.1
            packets::put32(rest, 1800);
            packets::put(rest, router);
        }
        send(router, to, 134, rest);
    }
    // A name server: whatever is asked for is 2001:db8::7.
    void answer_name(const Address6& asker, const Octets& datagram) {
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
        Address6 from = address_at(packet, 8), to = address_at(packet, 24);
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
    bool has_router = true;
    bool somebody_has_it = false;
    bool names_server = false;
    int solicitations = 0;
    int replies = 0;
    std::vector<Address6> probed;
};

TEST_F(Ipv6Test, an_address_from_a_router) {
    ASSERT_TRUE(network->open(*card));
    auto begun = event::now();
    auto ready = network->wait_for_ipv6(Duration::seconds(10));
    ASSERT_TRUE(ready) << ready.error().what;
    EXPECT_LT(event::now() - begun, Duration::seconds(3));
    auto route = network->route_to(*IpAddress::parse("2001:db8:2::1"));
    ASSERT_TRUE(route);
    EXPECT_EQ(route->source, *IpAddress::parse("2001:db8:1:0:5054:ff:fe12:3456"));
    EXPECT_EQ(route->gateway.bytes, router);
    auto near = network->route_to(*IpAddress::parse("2001:db8:1::9"));
    ASSERT_TRUE(near);
    EXPECT_FALSE(near->gateway.is_set());
    // Both addresses were probed before they were used.
    EXPECT_EQ(std::ranges::count(probed, parse("fe80::5054:ff:fe12:3456")), 1);
    EXPECT_EQ(std::ranges::count(probed, parse("2001:db8:1:0:5054:ff:fe12:3456")), 1);
}

// A command that does without it (dhcp, most often) neither waits for its frames nor sends them.
TEST_F(Ipv6Test, nothing_of_it_is_seen_before_somebody_asks) {
    ASSERT_TRUE(network->open(*card));
    ASSERT_TRUE(loop.sleep(Duration::seconds(5)));
    EXPECT_TRUE(peer->frames.empty());
    EXPECT_TRUE(card->groups.empty());
    ASSERT_TRUE(network->wait_for_ipv6(Duration::seconds(10)));
    EXPECT_GE(solicitations, 1);
    // The next command finds it as it was left.
    network->close();
    solicitations = 0;
    ASSERT_TRUE(network->open(*card));
    ASSERT_TRUE(network->wait_for_ipv6(Duration::seconds(10)));
    EXPECT_EQ(solicitations, 0);
}

TEST_F(Ipv6Test, without_a_router_the_link_local_address_has_to_do) {
    has_router = false;
    ASSERT_TRUE(network->open(*card));
    auto begun = event::now();
    ASSERT_TRUE(network->wait_for_ipv6(Duration::seconds(10)));
    EXPECT_LT(event::now() - begun, Duration::seconds(5));
    EXPECT_GE(solicitations, 1);
    EXPECT_TRUE(network->ping(*IpAddress::parse("fe80::5055:aff:fe00:202"), Duration::seconds(3)));
    EXPECT_FALSE(network->route_to(*IpAddress::parse("2001:db8:2::1")));
}

// Where nobody set one; IPv6 starts for it.
TEST_F(Ipv6Test, a_name_is_asked_of_the_server_that_a_router_announces) {
    names_server = true;
    ASSERT_TRUE(network->open(*card));
    network->set_dns_servers({});
    auto found = network->resolve("announced.example", IpAddress::Family::V6);
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_EQ(*found, *IpAddress::parse("2001:db8::7"));
}

TEST_F(Ipv6Test, a_name_server_with_an_ipv6_address) {
    ASSERT_TRUE(network->open(*card));
    const IpAddress servers[] = {{IpAddress::Family::V6, router}};
    network->set_dns_servers(servers);
    auto begun = event::now();
    auto found = network->resolve("set.example", IpAddress::Family::V6);
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_LT(event::now() - begun, Duration::seconds(5));
}

TEST_F(Ipv6Test, no_router_names_a_server) {
    ASSERT_TRUE(network->open(*card));
    network->set_dns_servers({});
    auto begun = event::now();
    auto found = network->resolve("nobody.example", IpAddress::Family::V6);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::NotReady);
    EXPECT_LT(event::now() - begun, Duration::seconds(6));
}

TEST_F(Ipv6Test, ping_there_and_back) {
    ASSERT_TRUE(network->open(*card));
    ASSERT_TRUE(network->wait_for_ipv6(Duration::seconds(10)));
    auto took = network->ping(*IpAddress::parse("fe80::5055:aff:fe00:202"), Duration::seconds(3));
    ASSERT_TRUE(took) << took.error().what;
    send(router, parse("fe80::5054:ff:fe12:3456"), 128, Octets(1000, 0x42));
    pass(Duration::milli(100));
    EXPECT_EQ(replies, 1);
}

TEST_F(Ipv6Test, an_address_that_somebody_has_is_not_used) {
    has_router = false;
    somebody_has_it = true;
    ASSERT_TRUE(network->open(*card));
    auto ready = network->wait_for_ipv6(Duration::seconds(6));
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().code, ErrorCode::Timeout);
    EXPECT_FALSE(network->ping(*IpAddress::parse("fe80::5055:aff:fe00:202"), Duration::seconds(2)));
}

TEST_F(Ipv6Test, an_option_of_length_zero_is_not_read) {
    ASSERT_TRUE(network->open(*card));
    ASSERT_TRUE(network->wait_for_ipv6(Duration::seconds(10)));
    Octets rest{0xe0, 0, 0, 0};
    packets::put(rest, router);
    for (u8 type : {1, 2}) {
        Octets message = rest;
        message.push_back(type);
        message.push_back(0); // the last byte of the frame
        send(router, parse("fe80::5054:ff:fe12:3456"), 136, message);
        send(router, parse("fe80::5054:ff:fe12:3456"), 135, message);
        message.resize(message.size() + 6);
        send(router, parse("fe80::5054:ff:fe12:3456"), 136, message);
    }
    pass(Duration::milli(50));
    EXPECT_TRUE(network->ping(*IpAddress::parse("fe80::5055:aff:fe00:202"), Duration::seconds(3)));
}

TEST_F(Ipv6Test, advertisements_at_random_do_no_harm) {
    std::mt19937 random(3);
    peer->spoil = [&](Frame& frame) {
        if (random() % 2)
            for (int n = 0; n < 3; ++n)
                frame[14 + random() % (frame.size() - 14)] = static_cast<u8>(random());
        if (frame.size() > 58 &&
            frame[12] == 0x86) { // the sum is right again, so that somebody reads the rest
            Octets packet = packets::slice(frame, 14);
            Octets message = packets::slice(packet, 40);
            packets::set16(message, 2, 0);
            u16 sum =
                packets::checksum(message, packets::pseudo_sum(address_at(packet, 8), address_at(packet, 24),
                                                               58, message.size()));
            packets::set16(frame, 56, sum);
        }
        return false;
    };
    for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(network->open(*card));
        for (int n = 0; n < 20; ++n)
            advertise(all_nodes);
        (void)network->wait_for_ipv6(Duration::seconds(2)).has_value();
        network->close();
        pass(Duration::seconds(60));
    }
    peer->spoil = nullptr;
    ASSERT_TRUE(network->open(*card));
    EXPECT_TRUE(network->wait_for_ipv6(Duration::seconds(10)));
}

} // namespace
} // namespace vireo::test
