// SPDX-License-Identifier: Apache-2.0
// What a network says by IPv6 of its servers, neighbours and paths, and what is believed of it.
#include "unit/net/stack/router.h"

#include <set>

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;
using packets::Address6;

class Ipv6Names : public Ipv6Test {
  protected:
    Ipv6Names() {
        peer->on_datagram = [this](u32, u16 from, u16 to, const Octets& question) {
            if (to != 53)
                return;
            asked.insert(packets::get16(question, 0)); // lwIP may repeat one, with the same number
            if (on_question)
                on_question();
            Octets answer = packets::slice(question, 0, 2);
            for (u16 word : {0x8180, 1, 1, 0, 0})
                packets::put16(answer, word);
            packets::put(answer, packets::slice(question, 12));
            packets::put(answer, Octets{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7});
            hosted::schedule(300 * hosted::millisecond, [=, this] { peer->send_datagram(53, from, answer); });
        };
        open();
        network->set_dns_servers({&host, 1});
    }
    // Questions that went out by IPv6.
    usize asked_by_ipv6() const {
        return static_cast<usize>(std::ranges::count_if(peer->frames, [](const Frame& frame) {
            return packets::get16(frame, 12) == 0x86dd && frame.size() > 58 && frame[20] == 17;
        }));
    }
    std::set<u32> asked; // their numbers
    std::function<void()> on_question;
};

// The user has said who is asked. An honest router says something else in each of its announcements.
TEST_F(Ipv6Names, a_router_does_not_take_the_place_of_the_server_that_was_set) {
    for (bool uses_ipv6 : {false, true}) {
        if (uses_ipv6) {
            names_server = true;
            ASSERT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(5))));
        }
        on_question = [this] {
            for (u32 seconds : {1800u, 0u, ~0u})
                advertise_with(parse("fe80::66"), all_nodes,
                               servers_option({parse("fe80::66"), parse("fe80::67")}, seconds));
        };
        auto begun = event::now();
        auto found = network->resolve(uses_ipv6 ? "set6.example" : "set4.example", IpAddress::Family::V4);
        ASSERT_TRUE(found) << found.error().what;
        EXPECT_EQ(*found, IpAddress::from_v4(0xc0000207));
        EXPECT_LT(event::now() - begun, Duration::milli(500));
        EXPECT_EQ(asked.size(), uses_ipv6 ? 2u : 1u);
        EXPECT_EQ(asked_by_ipv6(), 0u);
    }
}

// Nor that of the server that answers the question which is out, where a router named it.
TEST_F(Ipv6Names, announcements_during_a_question_do_not_change_who_is_asked) {
    network->set_dns_servers({});
    names_server = true;
    ASSERT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(5))));
    peer->delay = 100 * hosted::millisecond;
    hosted::schedule(20 * hosted::millisecond, [this] {
        peer->delay = 20 * hosted::microsecond;
        advertise_with(router, all_nodes, servers_option({router}, 0)); // taken back
        advertise_with(parse("fe80::66"), all_nodes, servers_option({parse("fe80::66")}));
        peer->delay = 100 * hosted::millisecond;
    });
    auto found = network->resolve("during.example", IpAddress::Family::V6);
    ASSERT_TRUE(found) << found.error().what;
    EXPECT_EQ(*found, *IpAddress::parse("2001:db8::7"));
}

TEST_F(Ipv6Test, name_servers_are_announced_for_a_time) {
    ASSERT_TRUE(network->open(*card));
    ASSERT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(5))));
    auto ask = [&](const char* name) { return network->resolve(name, IpAddress::Family::V6).has_value(); };
    auto announce = [&](const Octets& option) {
        advertise_with(router, all_nodes, option);
        pass(Duration::milli(10));
    };
    EXPECT_FALSE(ask("nobody.example"));
    announce(servers_option({router}, 5));
    EXPECT_TRUE(ask("five.example"));
    pass(Duration::seconds(6));
    EXPECT_FALSE(ask("late.example"));
    // The first stay, until they are taken back.
    announce(servers_option({router}));
    announce(servers_option({parse("fe80::66")}));
    announce(servers_option({parse("fe80::67")}));
    EXPECT_TRUE(ask("first.example"));
    announce(servers_option({router}, 0));
    announce(servers_option({parse("fe80::66")}, 0));
    EXPECT_FALSE(ask("taken.example"));
    // Those that are nobody.
    announce(servers_option({parse("::"), parse("::1"), parse("ff02::1"), router}));
    EXPECT_TRUE(ask("nonsense.example"));
}

TEST_F(Ipv6Test, a_server_is_announced_by_a_router_of_this_link) {
    const Address6 all = all_nodes;
    ASSERT_TRUE(network->open(*card));
    ASSERT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(5))));
    Octets rest{64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0};
    packets::put(rest, servers_option({router}));
    auto advertise_as = [&](const Address6& from, u8 hops, u8 code, u16 spoil) {
        Octets message = packets::icmp6(from, all, 134, code, rest);
        packets::set16(message, 2, packets::get16(message, 2) ^ spoil);
        peer->send_frame(packets::ethernet({0x33, 0x33, 0, 0, 0, 1}, OtherHost::mac, 0x86dd,
                                           packets::ipv6(from, all, 58, message, hops)));
    };
    advertise_as(parse("2001:db8::66"), 255, 0, 0);
    advertise_as(router, 254, 0, 0);
    advertise_as(router, 255, 1, 0);
    advertise_as(router, 255, 0, 1);
    pass(Duration::milli(10));
    EXPECT_FALSE(network->resolve("untrue.example", IpAddress::Family::V6));
    advertise_as(router, 255, 0, 0);
    pass(Duration::milli(10));
    EXPECT_TRUE(network->resolve("true.example", IpAddress::Family::V6));
}

class Ipv6Neighbours : public Ipv6Test {
  protected:
    Ipv6Neighbours() {
        EXPECT_TRUE(network->open(*card));
        EXPECT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(5))));
    }
    void say(u8 type, const Address6& from, const Address6& to, u32 flags, const Address6& about,
             const packets::Mac& who) {
        Octets rest;
        packets::put32(rest, flags);
        packets::put(rest, about);
        rest.insert(rest.end(), {static_cast<u8>(type == 135 ? 1 : 2), 1});
        packets::put(rest, who);
        send(from, to, type, rest);
    }
    // Whom a ping to the router is sent to.
    packets::Mac ping_goes_to() {
        EXPECT_TRUE(network->ping(near, event::Budget::total(Duration::seconds(2))));
        packets::Mac to;
        std::copy_n(peer->frames.back().begin(), 6, to.begin());
        return to;
    }
    const Address6 ours = parse("fe80::5054:ff:fe12:3456");
    const packets::Mac liar{0x52, 0x66, 6, 6, 6, 6};
};

TEST_F(Ipv6Neighbours, who_speaks_unasked_teaches_nothing) {
    for (bool is_known : {false, true}) {
        if (is_known)
            EXPECT_EQ(ping_goes_to(), OtherHost::mac);
        for (u32 flags : {0xe0000000u, 0x60000000u, 0x20000000u, 0x40000000u})
            for (const Address6& to : {ours, all_nodes})
                say(136, router, to, flags, router, liar);
        say(135, router, ours, 0, ours, liar); // asks for us, in the router's name
        pass(Duration::milli(50));
        EXPECT_EQ(ping_goes_to(), OtherHost::mac) << is_known;
    }
}

TEST_F(Ipv6Neighbours, we_answer_for_our_addresses) {
    const Address6 global = parse("2001:db8:1:0:5054:ff:fe12:3456");
    for (const Address6& target : {ours, global}) {
        peer->frames.clear();
        say(135, parse("fe80::99"), target, 0, target, OtherHost::mac);
        pass(Duration::milli(50));
        ASSERT_EQ(peer->frames.size(), 1u);
        const Frame& frame = peer->frames.back();
        EXPECT_TRUE(std::ranges::equal(packets::slice(frame, 0, 6), OtherHost::mac));
        Octets message = packets::slice(frame, 54); // its checksum was looked at
        EXPECT_EQ(message.at(0), 136);
        EXPECT_EQ(message.at(4), 0x60); // solicited, overrides
        EXPECT_EQ(address_at(message, 8), target);
        EXPECT_EQ(packets::slice(message, 24, 2), Octets({2, 1}));
        EXPECT_TRUE(std::ranges::equal(packets::slice(message, 26, 6), card->facts().mac));
        EXPECT_EQ(address_at(packets::slice(frame, 14), 24), parse("fe80::99"));
    }
    peer->frames.clear();
    say(135, parse("fe80::99"), ours, 0, parse("fe80::1234"), OtherHost::mac); // another's
    say(135, parse("fe80::99"), ours, 0, ours, {0x33, 0x33, 0, 0, 0, 1});      // to everybody
    pass(Duration::milli(50));
    EXPECT_TRUE(peer->frames.empty());
    // Who wants to have our address is told that it is taken.
    say(135, any, parse("ff02::1:ff12:3456"), 0, ours, OtherHost::mac);
    pass(Duration::milli(50));
    EXPECT_FALSE(peer->frames.empty());
}

// RFC 4861, 8.1: only the router that is asked may say so; we do without.
TEST_F(Ipv6Neighbours, a_redirect_changes_no_way) {
    ASSERT_TRUE(network->ping(near, event::Budget::total(Duration::seconds(2))));
    auto goes_to = [&] {
        peer->frames.clear();
        (void)network->ping(elsewhere, event::Budget::total(Duration::milli(500))).has_value();
        packets::Mac to{};
        for (const Frame& frame : peer->frames)
            if (packets::get16(frame, 12) == 0x86dd && frame.at(54) == 128)
                std::copy_n(frame.begin(), 6, to.begin());
        return to;
    };
    EXPECT_EQ(goes_to(), OtherHost::mac);
    for (const Address6& from : {router, parse("fe80::66")}) {
        Octets rest{0, 0, 0, 0};
        packets::put(rest, parse("fe80::66")); // target
        packets::put(rest, elsewhere.bytes);   // destination
        rest.insert(rest.end(), {2, 1});
        packets::put(rest, liar);
        send(from, ours, 137, rest);
    }
    pass(Duration::milli(50));
    EXPECT_EQ(goes_to(), OtherHost::mac);
}

struct Nobody final : net::UdpSocket::Client {
    void datagram(Bytes, const IpAddress&, u16) override {}
};

// RFC 8201, 4: not below 1,280, not above what the card has, and about a packet of ours.
TEST_F(Ipv6Neighbours, a_path_is_as_wide_as_a_path_can_be) {
    const Address6 global = parse("2001:db8:1:0:5054:ff:fe12:3456");
    Nobody client;
    net::UdpSocket socket;
    ASSERT_TRUE(socket.open(*network, IpAddress::Family::V6, 0, client));
    std::vector<std::byte> payload(1400);
    auto frames_of = [&] {
        peer->frames.clear();
        EXPECT_TRUE(socket.send(payload, elsewhere, 7));
        pass(Duration::milli(50));
        return std::ranges::count_if(peer->frames, [&](const Frame& frame) {
            return packets::get16(frame, 12) == 0x86dd &&
                   address_at(packets::slice(frame, 14), 24) == elsewhere.bytes;
        });
    };
    auto too_big = [&](u32 mtu, const Address6& from) {
        Octets rest;
        packets::put32(rest, mtu);
        packets::put(rest, packets::ipv6(from, elsewhere.bytes, 17, Octets(40)));
        send(router, global, 2, rest);
        pass(Duration::milli(50));
    };
    EXPECT_EQ(frames_of(), 1);
    for (u32 mtu : {0u, 1u, 40u, 47u, 48u, 49u, 56u, 576u, 1279u, 1501u, 65535u, 65536u, 0x10000500u})
        too_big(mtu, global);
    too_big(1280, parse("2001:db8::66"));
    EXPECT_EQ(frames_of(), 1);
    too_big(1280, global);
    EXPECT_EQ(frames_of(), 2);
    too_big(8, global); // a path that is known
    EXPECT_EQ(frames_of(), 2);
    // A card cannot sum up what becomes fragments.
    card->change_facts().can_checksum = true;
    socket.close();
    network->close();
    ASSERT_TRUE(network->open(*card));
    ASSERT_TRUE(socket.open(*network, IpAddress::Family::V6, 0, client));
    EXPECT_EQ(frames_of(), 2);
    constexpr usize checksum_at = 14 + 40 + 8 + 6;
    EXPECT_NE(packets::get16(peer->frames.at(peer->frames.size() - 2), checksum_at), 0u);
}

// RFC 7112: where a first fragment ends in front of ICMP, the rest would be read when nobody looks any more.
TEST_F(Ipv6Neighbours, icmp_is_not_hidden_in_a_later_fragment) {
    ASSERT_TRUE(network->ping(near, event::Budget::total(Duration::seconds(2))));
    Octets redirect{0, 0, 0, 0};
    packets::put(redirect, parse("fe80::66"));
    packets::put(redirect, elsewhere.bytes);
    Octets message = packets::icmp6(router, ours, 137, 0, redirect);
    auto fragment = [&](u8 next, u16 offset_and_more, const Octets& content) {
        Octets packet{next, 0};
        packets::put16(packet, offset_and_more);
        packets::put32(packet, 77);
        packets::put(packet, content);
        peer->send_frame(packets::ethernet(card->facts().mac, OtherHost::mac, 0x86dd,
                                           packets::ipv6(router, ours, 44, packet)));
    };
    usize held = card->held();
    fragment(60, 1, {58, 0, 1, 4, 0, 0, 0, 0}); // destination options, and nothing behind them
    pass(Duration::milli(50));
    EXPECT_EQ(card->held(), held) << "it is kept for the rest";
    fragment(60, 8, message);
    pass(Duration::milli(50));
    EXPECT_TRUE(network->ping(near, event::Budget::total(Duration::seconds(2))));
}

} // namespace
} // namespace vireo::test
