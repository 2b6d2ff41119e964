// SPDX-License-Identifier: Apache-2.0
// Neighbour discovery, addresses from router advertisements, ping: RFC 4861, 4862, 4443.
#include "unit/net/stack/router.h"

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;
using packets::Address6;

TEST_F(Ipv6Test, an_address_from_a_router) {
    ASSERT_TRUE(network->open(*card));
    auto begun = event::now();
    auto ready = network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10)));
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
    ASSERT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10))));
    EXPECT_GE(solicitations, 1);
    // The next command finds it as it was left.
    network->close();
    solicitations = 0;
    ASSERT_TRUE(network->open(*card));
    ASSERT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10))));
    EXPECT_EQ(solicitations, 0);
}

TEST_F(Ipv6Test, without_a_router_the_link_local_address_has_to_do) {
    has_router = false;
    ASSERT_TRUE(network->open(*card));
    auto begun = event::now();
    ASSERT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10))));
    EXPECT_LT(event::now() - begun, Duration::seconds(5));
    EXPECT_GE(solicitations, 1);
    EXPECT_TRUE(network->ping(*IpAddress::parse("fe80::5055:aff:fe00:202"),
                              event::Budget::total(Duration::seconds(3))));
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

// Whatever a router says or does not say, neighbours on the link are reached, and at once.
TEST_F(Ipv6Test, a_router_that_offers_no_address) {
    struct Case {
        Octets options;
        u8 flags;
        const char* what;
    };
    constexpr const char* none = "no IPv6 address: the router announces no prefix for one";
    constexpr const char* managed = "no IPv6 address: the router wants DHCPv6, which is not supported";
    const Case cases[] = {
        {{}, 0, none},                             // no prefix at all
        {{}, 0x40, none},                          // DHCPv6 for the rest
        {{}, 0x80, managed},                       // for addresses
        {{}, 0xc0, managed},                       // for both
        {prefix_option(64, 0x80, 86400), 0, none}, // A = 0
        {prefix_option(64, 0x80, 86400), 0x80, managed},
        {prefix_option(56, on_link_autonomous, 86400), 0, none},
        {prefix_option(65, on_link_autonomous, 86400), 0, none},
        {prefix_option(0, on_link_autonomous, 86400), 0, none},
        {prefix_option(64, on_link_autonomous, 0), 0, none}, // its time is over
        {prefix_option(56, 0, 0), 0x80, managed},
    };
    for (const Case& one : cases) {
        prefix = one.options;
        router_flags = one.flags;
        ASSERT_TRUE(network->open(*card));
        auto begun = event::now();
        auto ready = network->wait_for_ipv6(near, event::Budget::total(Duration::seconds(5)));
        ASSERT_TRUE(ready) << (&one - cases) << ready.error().what;
        EXPECT_TRUE(network->ping(near, event::Budget::total(Duration::seconds(1))));
        EXPECT_LT(event::now() - begun, Duration::milli(1500));
        ready = network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(5)));
        ASSERT_FALSE(ready) << (&one - cases);
        EXPECT_EQ(ready.error().code, ErrorCode::NotReady);
        EXPECT_STREQ(ready.error().what, one.what) << (&one - cases);
        EXPECT_LT(event::now() - begun, Duration::milli(3200));
        // Known by now: the next command is told at once.
        begun = event::now();
        EXPECT_FALSE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(5))));
        EXPECT_LT(event::now() - begun, Duration::milli(100));
        network->close();
        pass(Duration::seconds(31));
    }
}

// It had no prefix at first; a second one comes with one.
TEST_F(Ipv6Test, a_prefix_that_comes_late) {
    prefix = {};
    ASSERT_TRUE(network->open(*card));
    ASSERT_FALSE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(5))));
    prefix = prefix_option(64, on_link_autonomous, 86400);
    advertise(all_nodes);
    pass(Duration::milli(100));
    EXPECT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(5))));
}

// What comes before anybody uses IPv6 is not even read: no address, no router, no name server.
TEST_F(Ipv6Test, what_is_announced_before_it_is_used_is_not_heard) {
    ASSERT_TRUE(network->open(*card));
    names_server = true;
    for (int i = 0; i < 5; ++i)
        advertise(all_nodes);
    send(router, parse("fe80::5054:ff:fe12:3456"), 128, Octets(20, 0x42));
    pass(Duration::seconds(2));
    EXPECT_TRUE(peer->frames.empty());
    EXPECT_FALSE(network->route_to(elsewhere));
    has_router = false;
    auto found = network->resolve("early.example", IpAddress::Family::V6);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::NotReady) << "the server that was announced too early";
}

TEST_F(Ipv6Test, ping_there_and_back) {
    ASSERT_TRUE(network->open(*card));
    ASSERT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10))));
    auto took = network->ping(*IpAddress::parse("fe80::5055:aff:fe00:202"),
                              event::Budget::total(Duration::seconds(3)));
    ASSERT_TRUE(took) << took.error().what;
    send(router, parse("fe80::5054:ff:fe12:3456"), 128, Octets(1000, 0x42));
    pass(Duration::milli(100));
    EXPECT_EQ(replies, 1);
}

TEST_F(Ipv6Test, an_address_that_somebody_has_is_not_used) {
    has_router = false;
    somebody_has_it = true;
    ASSERT_TRUE(network->open(*card));
    auto ready = network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(6)));
    ASSERT_FALSE(ready);
    EXPECT_STREQ(ready.error().what, "another machine has our IPv6 address");
    EXPECT_FALSE(network->ping(*IpAddress::parse("fe80::5055:aff:fe00:202"),
                               event::Budget::total(Duration::seconds(2))));
}

TEST_F(Ipv6Test, an_option_of_length_zero_is_not_read) {
    ASSERT_TRUE(network->open(*card));
    ASSERT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10))));
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
    EXPECT_TRUE(network->ping(*IpAddress::parse("fe80::5055:aff:fe00:202"),
                              event::Budget::total(Duration::seconds(3))));
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
        (void)network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(2))).has_value();
        network->close();
        pass(Duration::seconds(60));
    }
    peer->spoil = nullptr;
    ASSERT_TRUE(network->open(*card));
    EXPECT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10))));
}

} // namespace
} // namespace vireo::test
