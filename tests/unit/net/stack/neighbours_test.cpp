// SPDX-License-Identifier: Apache-2.0
// Who has which hardware address: what is answered, who is believed, and what routers say by ICMP.
#include "unit/net/stack/peer.h"

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;

constexpr packets::Mac liar{0x52, 0x66, 6, 6, 6, 6};

class LyingNeighbour : public NetworkTest {
  protected:
    // Answers the first question for the host's hardware address with a wrong one, before the host does;
    // pings that go there are answered by nobody.
    void lie_once(const Frame& frame, bool& has_lied) {
        if (packets::get16(frame, 12) == 0x0806 && !std::exchange(has_lied, true))
            say_where_the_host_is();
        peer->answers_ping = std::ranges::equal(packets::slice(frame, 0, 6), OtherHost::mac);
    }
    void say_where_the_host_is() {
        peer->send_frame(
            packets::ethernet(card->facts().mac, liar, 0x0806,
                              packets::arp(2, liar, OtherHost::address, card->facts().mac, OtherHost::ours)));
    }
};

TEST_F(NetworkTest, we_answer_arp_and_pings) {
    open();
    const packets::Mac everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    peer->send_frame(
        packets::ethernet(everybody, OtherHost::mac, 0x0806,
                          packets::arp(1, OtherHost::mac, OtherHost::address, {}, OtherHost::ours)));
    pass(Duration::milli(50));
    ASSERT_FALSE(peer->frames.empty());
    Octets reply = packets::slice(peer->frames.back(), 14);
    EXPECT_EQ(packets::get16(reply, 6), 2u);
    EXPECT_EQ(packets::slice(reply, 8, 6), Octets(card->facts().mac.begin(), card->facts().mac.end()));
    Octets question{0x12, 0x34, 0, 1};
    question.resize(2000, 0x77); // comes in one frame, goes out in fragments
    peer->send_ip(1, packets::icmp(8, 0, Octets(question.begin(), question.begin() + 1000)));
    pass(Duration::milli(50));
    Octets answer = packets::slice(peer->frames.back(), 34);
    EXPECT_EQ(answer.at(0), 0); // echo reply
    EXPECT_EQ(packets::checksum(answer), 0);
    EXPECT_EQ(packets::slice(answer, 4), Octets(question.begin(), question.begin() + 1000));
}

// A question tells us who says that he asks, not who he is: the first packet to him asks.
TEST_F(NetworkTest, who_asks_for_our_address_teaches_us_nothing) {
    open();
    const packets::Mac everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    auto say = [&](u16 operation, const packets::Mac& to, u32 about) {
        peer->send_frame(packets::ethernet(to, liar, 0x0806,
                                           packets::arp(operation, liar, OtherHost::address, {}, about)));
    };
    auto pings_go_to = [&] {
        EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(2))));
        packets::Mac to;
        std::copy_n(peer->frames.back().begin(), 6, to.begin());
        return to;
    };
    say(1, everybody, OtherHost::ours); // asks for us
    pass(Duration::milli(50));
    EXPECT_EQ(packets::get16(peer->frames.back(), 20), 2u) << "it is answered";
    say(2, card->facts().mac, OtherHost::ours); // an answer without a question
    say(2, everybody, OtherHost::address);      // "I am": gratuitous, as answer
    say(1, everybody, OtherHost::address);      // and as question
    pass(Duration::milli(50));
    EXPECT_EQ(pings_go_to(), OtherHost::mac);
    // Now that the neighbour is known, nobody takes its place.
    say(1, everybody, OtherHost::ours);
    say(2, card->facts().mac, OtherHost::ours);
    say(2, everybody, OtherHost::address);
    say(1, everybody, OtherHost::address);
    pass(Duration::milli(50));
    EXPECT_EQ(pings_go_to(), OtherHost::mac);
}

TEST_F(LyingNeighbour, the_first_answer_to_a_question_counts) {
    open();
    peer->on_frame = [&](const Frame& frame) {
        if (packets::get16(frame, 12) == 0x0806) // behind the one of the peer itself
            hosted::schedule(hosted::millisecond, [&] { say_where_the_host_is(); });
    };
    ASSERT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(2))));
    pass(Duration::milli(50));
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(2))));
    EXPECT_TRUE(std::ranges::equal(packets::slice(peer->frames.back(), 0, 6), OtherHost::mac));
    // A neighbour that comes back with another card is found by the next command, or half a minute later.
    network->close();
    pass(Duration::seconds(31));
    peer->on_frame = nullptr;
    open();
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(2))));
}

// The address goes over to another machine, or the first to answer was a liar: nothing answers
// where packets go.
TEST_F(LyingNeighbour, a_neighbour_that_falls_silent_is_asked_for_again) {
    open();
    bool has_lied = false;
    peer->on_frame = [&](const Frame& frame) { lie_once(frame, has_lied); };
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(6))));
    // One that answers is not asked again, however long.
    peer->frames.clear();
    for (int i = 0; i < 8; ++i) {
        EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
        pass(Duration::seconds(1));
    }
    EXPECT_EQ(peer->frames.size(), 8u);
}

TEST_F(NetworkTest, a_neighbour_has_time_to_answer) {
    open();
    ASSERT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
    auto socket = net::UdpSocket();
    struct Nobody final : net::UdpSocket::Client {
        void datagram(Bytes, const IpAddress&, u16) override {}
    } nobody;
    ASSERT_TRUE(socket.open(*network, IpAddress::Family::V4, 4000, nobody));
    auto send = [&] { EXPECT_TRUE(socket.send(std::as_bytes(std::span("x")), host, 9)); };
    peer->frames.clear();
    for (int i = 0; i < 3; ++i, pass(Duration::milli(950)))
        send();
    EXPECT_EQ(peer->frames.size(), 3u) << "nobody is asked for";
    pass(Duration::seconds(2));
    EXPECT_EQ(peer->frames.size(), 4u) << "the neighbour is";
    EXPECT_EQ(packets::get16(peer->frames.back(), 12), 0x0806u);
    // What was sent before is forgotten.
    socket.close();
    network->close();
    open();
    pass(Duration::seconds(5));
    EXPECT_EQ(peer->frames.size(), 4u);
}

// An echo that is not answered puts the neighbour in doubt at once, also one that speaks.
TEST_F(LyingNeighbour, a_liar_that_speaks_does_not_keep_a_ping_from_its_host) {
    open();
    bool has_lied = false;
    peer->on_frame = [&](const Frame& frame) {
        lie_once(frame, has_lied);
        hosted::schedule(500 * hosted::millisecond, [&] {
            peer->send_frame(packets::ethernet(card->facts().mac, liar, 0x0800, Octets(40)));
        });
    };
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::milli(2'500))));
    peer->on_frame = nullptr;
    pass(Duration::seconds(1));
}

TEST_F(NetworkTest, nobody_is_made_to_answer_everybody) {
    open();
    const packets::Mac everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    peer->frames.clear();
    peer->send_frame(packets::ethernet(everybody, OtherHost::mac, 0x0806,
                                       packets::arp(1, everybody, OtherHost::address, {}, OtherHost::ours)));
    peer->send_frame(
        packets::ethernet(everybody, OtherHost::mac, 0x0806,
                          packets::arp(1, OtherHost::mac, OtherHost::ours, {}, OtherHost::ours)));
    peer->send_frame(
        packets::ethernet(everybody, OtherHost::mac, 0x0806,
                          packets::arp(1, OtherHost::mac, OtherHost::address, {}, OtherHost::ours + 1)));
    pass(Duration::milli(50));
    EXPECT_TRUE(peer->frames.empty());
}

// ICMP of routers: redirects (RFC 792) and "unreachable" change neither the way nor what is open.
TEST_F(NetworkTest, what_routers_say_by_icmp_changes_nothing) {
    open();
    ASSERT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
    Octets ours = packets::ipv4(OtherHost::ours, 0xc0000201, 17, Octets(8));
    Octets redirect{10, 0, 2, 66};
    packets::put(redirect, ours);
    for (u8 code : {0, 1, 2, 3})
        peer->send_ip(1, packets::icmp(5, code, redirect));
    Octets rest{0, 0, 2, 0x40}; // a next hop's MTU of 576
    packets::put(rest, ours);
    for (u8 code : {0, 1, 2, 3, 4, 9, 10, 13})
        peer->send_ip(1, packets::icmp(3, code, rest));
    pass(Duration::milli(50));
    auto route = network->route_to(IpAddress::from_v4(0xc0000201));
    ASSERT_TRUE(route);
    EXPECT_EQ(route->gateway, host);
    usize before = peer->frames.size();
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
    EXPECT_EQ(peer->frames.size(), before + 1);
}

} // namespace
} // namespace vireo::test
