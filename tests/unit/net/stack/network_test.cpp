// SPDX-License-Identifier: Apache-2.0
// Opening and closing, ping, routes, datagrams.
#include "unit/net/stack/peer.h"

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;

TEST_F(NetworkTest, a_card_without_cable_is_not_opened) {
    card->link = false;
    auto opened = network->open(*card);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::NotReady);
    EXPECT_EQ(network->card(), nullptr);
    card->link = true;
    EXPECT_TRUE(network->open(*card));
}

TEST_F(NetworkTest, a_broken_card_is_not_opened) {
    card->state = error(ErrorCode::DeviceBroken, "broken");
    auto opened = network->open(*card);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::DeviceBroken);
}

TEST_F(NetworkTest, the_card_is_told_of_our_groups) {
    card->change_facts().filters = true;
    open();
    ASSERT_TRUE(network->wait_for_ipv6(elsewhere, event::Budget::total(Duration::seconds(10))));
    EXPECT_EQ(card->groups, (std::vector<device::MacAddress>{{0x33, 0x33, 0, 0, 0, 1},
                                                             {0x33, 0x33, 0xff, 0x12, 0x34, 0x56}}));
}

TEST_F(NetworkTest, ping_is_answered) {
    open();
    auto took = network->ping(host, event::Budget::total(Duration::seconds(3)));
    ASSERT_TRUE(took) << took.error().what;
    EXPECT_LT(*took, Duration::milli(5));
    // The neighbour is known now: one frame there, one back.
    usize before = peer->frames.size();
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(3))));
    EXPECT_EQ(peer->frames.size(), before + 1);
}

// Machines that start at the same moment must not choose the same ids, or ones that can be
// calculated from each other's.
TEST_F(NetworkTest, ids_are_made_of_the_seed_that_the_host_gave) {
    auto first_id = [&](std::string_view seed) {
        network.reset();
        hosted::use_virtual_clock();
        network = std::make_unique<net::Network>(loop, registry, std::as_bytes(std::span(seed)));
        open();
        peer->frames.clear();
        EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
        return packets::get16(peer->frames.back(), 14 + 20 + 4);
    };
    first_id(""); // lwIP starts once, and takes some of the numbers
    EXPECT_EQ(first_id("seed"), first_id("seed"));
    EXPECT_NE(first_id("seed"), first_id("other"));
    EXPECT_NE(first_id("seed"), first_id(""));
}

TEST_F(NetworkTest, ping_of_a_host_that_is_silent_ends_in_time) {
    open();
    peer->answers_ping = false;
    auto begun = event::now();
    auto took = network->ping(host, event::Budget::total(Duration::seconds(4)));
    ASSERT_FALSE(took);
    EXPECT_EQ(took.error().code, ErrorCode::Timeout);
    EXPECT_GE(event::now() - begun, Duration::seconds(4));
    EXPECT_LT(event::now() - begun, Duration::milli(4100));
    usize requests = static_cast<usize>(std::ranges::count_if(peer->frames, [](const Frame& frame) {
        return frame.at(12) == 8 && frame.at(13) == 0 && frame.at(23) == 1;
    }));
    EXPECT_EQ(requests, 4u); // one a second
    peer->answers_ping = true;
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(3))));
}

TEST_F(NetworkTest, ping_of_a_host_that_does_not_exist) {
    open();
    peer->answers_arp = false;
    auto took = network->ping(host, event::Budget::total(Duration::seconds(3)));
    ASSERT_FALSE(took);
    EXPECT_EQ(took.error().code, ErrorCode::Timeout);
}

TEST_F(NetworkTest, an_echo_reply_with_a_wrong_checksum_is_no_answer) {
    open();
    peer->spoil = [](Frame& frame) {
        if (frame.at(12) == 8 && frame.at(13) == 0)
            frame.back() ^= 1;
        return false;
    };
    EXPECT_FALSE(network->ping(host, event::Budget::total(Duration::seconds(2))));
    peer->spoil = nullptr;
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(2))));
}

TEST_F(NetworkTest, an_echo_reply_to_something_else_is_no_answer) {
    open();
    peer->answers_ping = false;
    enum Way { OtherAsker, OtherHostAnswers, NeverAsked, Right } way = Right;
    peer->on_frame = [&](const Frame& frame) {
        if (packets::get16(frame, 12) != 0x0800 || frame.at(23) != 1 || frame.at(34) != 8)
            return;
        Octets rest = packets::slice(frame, 38); // identifier, sequence number, data
        if (way == OtherAsker)
            rest[0] ^= 0x80;
        if (way == NeverAsked)
            packets::set16(rest, 2, packets::get16(rest, 2) + 3);
        peer->send_ip(1, packets::icmp(0, 0, rest), OtherHost::ours,
                      OtherHost::address + (way == OtherHostAnswers));
    };
    for (Way wrong : {OtherAsker, OtherHostAnswers, NeverAsked}) {
        way = wrong;
        EXPECT_FALSE(network->ping(host, event::Budget::total(Duration::milli(1500)))) << wrong;
    }
    way = Right;
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::milli(1500))));
}

TEST_F(NetworkTest, ctrl_c_ends_a_ping) {
    open();
    peer->answers_ping = false;
    hosted::schedule(300 * hosted::millisecond, [&] { loop.request_interrupt(); });
    auto begun = event::now();
    auto took = network->ping(host, event::Budget::total(Duration::seconds(10)));
    ASSERT_FALSE(took);
    EXPECT_EQ(took.error().code, ErrorCode::Interrupted);
    EXPECT_LT(event::now() - begun, Duration::milli(350));
}

TEST_F(NetworkTest, a_card_that_breaks_ends_the_wait) {
    open();
    peer->answers_ping = false;
    hosted::schedule(300 * hosted::millisecond,
                     [&] { card->state = error(ErrorCode::DeviceBroken, "broke"); });
    auto begun = event::now();
    auto took = network->ping(host, event::Budget::total(Duration::seconds(60)));
    ASSERT_FALSE(took);
    EXPECT_EQ(took.error().code, ErrorCode::DeviceBroken);
    EXPECT_LT(event::now() - begun, Duration::seconds(3));
    card->state = {};
    peer->answers_ping = true;
    ASSERT_TRUE(network->open(*card));
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(3))));
}

TEST_F(NetworkTest, a_cable_that_is_pulled_ends_the_wait) {
    open();
    peer->answers_ping = false;
    hosted::schedule(300 * hosted::millisecond, [&] { card->change_link(false); });
    auto took = network->ping(host, event::Budget::total(Duration::seconds(60)));
    ASSERT_FALSE(took);
    EXPECT_EQ(took.error().code, ErrorCode::NotReady);
    card->change_link(true);
    peer->answers_ping = true;
    open();
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(3))));
}

TEST_F(NetworkTest, without_an_address_nothing_is_sent_to_anybody) {
    ASSERT_TRUE(network->open(*card));
    network->set_ipv4({});
    auto took = network->ping(host, event::Budget::total(Duration::seconds(3)));
    ASSERT_FALSE(took);
    EXPECT_EQ(took.error().code, ErrorCode::NotReady);
}

TEST_F(NetworkTest, routes) {
    open();
    auto near = network->route_to(host);
    ASSERT_TRUE(near);
    EXPECT_EQ(near->source, IpAddress::from_v4(OtherHost::ours));
    EXPECT_FALSE(near->gateway.is_set());
    auto far = network->route_to(IpAddress::from_v4(0xc0000201));
    ASSERT_TRUE(far);
    EXPECT_EQ(far->gateway, host);
    network->set_ipv4({IpAddress::from_v4(OtherHost::ours), IpAddress::from_v4(0xffffff00), {}});
    EXPECT_FALSE(network->route_to(IpAddress::from_v4(0xc0000201)));
    network->close();
    EXPECT_FALSE(network->route_to(host));
}

struct Datagrams final : net::UdpSocket::Client {
    void datagram(Bytes payload, const IpAddress& from, u16 port) override {
        received.emplace_back(reinterpret_cast<const char*>(payload.data()), payload.size());
        last_from = from;
        last_port = port;
    }
    std::vector<std::string> received;
    IpAddress last_from;
    u16 last_port = 0;
};

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST_F(NetworkTest, datagrams_there_and_back) {
    open();
    Datagrams client;
    net::UdpSocket socket;
    EXPECT_FALSE(socket.send(bytes_of("early"), host, 7));
    ASSERT_TRUE(socket.open(*network, IpAddress::Family::V4, 0, client));
    EXPECT_GE(socket.port(), 1024);
    peer->on_datagram = [&](u32, u16 from, u16 to, const Octets& payload) {
        EXPECT_EQ(to, 7);
        EXPECT_EQ(from, socket.port());
        peer->send_datagram(7, from, payload);
    };
    ASSERT_TRUE(socket.send(bytes_of("hello"), host, 7));
    ASSERT_TRUE(socket.send(bytes_of(""), host, 7)); // both wait for the neighbour's address
    pass(Duration::milli(100));
    EXPECT_EQ(client.received, (std::vector<std::string>{"hello", ""}));
    EXPECT_EQ(client.last_from, host);
    EXPECT_EQ(client.last_port, 7);
}

// RFC 6056: the next one cannot be told from those before it.
TEST_F(NetworkTest, ports_are_random) {
    open();
    std::vector<u16> ports;
    Datagrams client;
    for (int i = 0; i < 40; ++i) {
        net::UdpSocket socket;
        ASSERT_TRUE(socket.open(*network, IpAddress::Family::V4, 0, client));
        EXPECT_GE(socket.port(), 49152);
        ports.push_back(socket.port());
    }
    usize neighbours = 0;
    for (usize i = 1; i < ports.size(); ++i)
        neighbours += ports[i] - ports[i - 1] == 1;
    EXPECT_LT(neighbours, 3u);
    std::ranges::sort(ports);
    EXPECT_GT(ports.back() - ports.front(), 4000) << "from a small part of the range";
}

// Without any source of randomness: the moments of commands are in the numbers.
TEST_F(NetworkTest, ids_depend_on_when_commands_came) {
    auto port_after = [&](Duration time) {
        network.reset();
        hosted::use_virtual_clock();
        network = std::make_unique<net::Network>(loop, registry);
        open();
        network->close();
        pass(time);
        EXPECT_TRUE(network->open(*card));
        Datagrams client;
        net::UdpSocket socket;
        EXPECT_TRUE(socket.open(*network, IpAddress::Family::V4, 0, client));
        return socket.port();
    };
    port_after(Duration::seconds(1)); // lwIP starts once, and takes some of the numbers
    u16 first = port_after(Duration::seconds(1));
    EXPECT_EQ(first, port_after(Duration::seconds(1)));
    EXPECT_NE(first, port_after(Duration::milli(1001)));
}

TEST_F(NetworkTest, a_datagram_of_the_largest_size_goes_out_in_fragments) {
    open();
    Datagrams client;
    net::UdpSocket socket;
    ASSERT_TRUE(socket.open(*network, IpAddress::Family::V4, 0, client));
    for (bool offload : {false, true}) {
        network->close();
        card->change_facts().can_checksum = offload;
        open();
        std::string text(65507, '\0'); // the place of a checksum is no place for one here
        EXPECT_TRUE(socket.send(bytes_of(text), host, 7));
        pass(Duration::milli(100));
        Octets whole;
        for (const Frame& frame : peer->frames)
            if (frame.at(12) == 8 && frame.at(13) == 0 && frame.at(23) == 17) {
                EXPECT_LE(frame.size(), 1514u);
                packets::put(whole, packets::slice(frame, 34));
            }
        EXPECT_EQ(whole.size(), 65515u);
        EXPECT_EQ(std::ranges::count_if(packets::slice(whole, 8), [](u8 byte) { return byte != 0; }), 0);
        EXPECT_EQ(packets::checksum(
                      whole, packets::pseudo_sum(OtherHost::ours, OtherHost::address, 17, whole.size())),
                  0);
        peer->frames.clear();
    }
    auto sent = socket.send(bytes_of(std::string(65508, 'x')), host, 7);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ErrorCode::TooLarge);
}

// What is sent while the card takes nothing is lost, and the memory comes back.
TEST_F(NetworkTest, memory_that_is_used_up_is_an_error_and_comes_back) {
    open();
    ASSERT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
    Datagrams client;
    net::UdpSocket socket;
    ASSERT_TRUE(socket.open(*network, IpAddress::Family::V4, 0, client));
    std::string text(60000, 'x');
    Result<> sent{};
    for (int i = 0; i < 10 && sent; ++i)
        sent = socket.send(bytes_of(text), host, 7); // the loop does not run: nothing leaves
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, ErrorCode::NoMemory);
    pass(Duration::milli(100));
    EXPECT_TRUE(socket.send(bytes_of(text), host, 7));
    pass(Duration::milli(100));
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
}

TEST_F(NetworkTest, the_card_sums_up_what_it_can) {
    card->change_facts().can_checksum = true;
    open();
    bool left = false;
    card->on_send = [&, inner = card->on_send](const FakeCard::Sent& sent) {
        left |= sent.had_checksum_left && sent.bytes.at(23) == 17;
        inner(sent);
    };
    Datagrams client;
    net::UdpSocket socket;
    ASSERT_TRUE(socket.open(*network, IpAddress::Family::V4, 0, client));
    int arrived = 0; // the peer checks the sums
    peer->on_datagram = [&](u32, u16, u16, const Octets&) { ++arrived; };
    for (usize length : {0u, 1u, 2u, 3u, 1000u, 1471u, 1472u})
        ASSERT_TRUE(socket.send(bytes_of(std::string(length, 'y')), host, 7));
    pass(Duration::milli(100));
    EXPECT_EQ(arrived, 7);
    EXPECT_TRUE(left);
}

// A card that was started anew with other features (virtio features) is asked again what it can do.
TEST_F(NetworkTest, a_card_that_sums_up_no_more) {
    Datagrams client;
    net::UdpSocket socket;
    int arrived = 0; // the peer checks the sums
    peer->on_datagram = [&](u32, u16, u16, const Octets&) { ++arrived; };
    for (bool can_checksum : {true, false, true}) {
        network->close();
        card->change_facts().can_checksum = can_checksum;
        open();
        ASSERT_TRUE(socket.open(*network, IpAddress::Family::V4, 0, client));
        arrived = 0;
        ASSERT_TRUE(socket.send(bytes_of("text"), host, 7));
        pass(Duration::milli(100));
        EXPECT_EQ(arrived, 1) << can_checksum;
        socket.close();
    }
}
TEST_F(NetworkTest, a_card_whose_mtu_is_another_after_a_reset) {
    Datagrams client;
    net::UdpSocket socket;
    int arrived = 0;
    peer->on_datagram = [&](u32, u16, u16, const Octets&) { ++arrived; };
    for (u16 mtu : {1500, 9000, 1500}) { // a stack that believes the first one sends fragments
        network->close();
        card->change_facts().mtu = mtu;
        open();
        ASSERT_TRUE(socket.open(*network, IpAddress::Family::V4, 0, client));
        arrived = 0;
        ASSERT_TRUE(socket.send(bytes_of(std::string(mtu - 28, 'y')), host, 7));
        pass(Duration::milli(100));
        EXPECT_EQ(arrived, 1) << mtu;
        socket.close();
    }
}

TEST_F(NetworkTest, a_checksum_that_the_card_vouches_for_is_not_looked_at) {
    open();
    Datagrams client;
    net::UdpSocket socket;
    ASSERT_TRUE(socket.open(*network, IpAddress::Family::V4, 4000, client));
    Octets datagram = packets::udp(OtherHost::address, 9, OtherHost::ours, 4000, {'a', 'b'});
    datagram.back() = 'c'; // the sum is wrong now
    auto frame = packets::ethernet(card->facts().mac, OtherHost::mac, 0x0800,
                                   packets::ipv4(OtherHost::address, OtherHost::ours, 17, datagram));
    peer->send_frame(frame, false);
    pass(Duration::milli(20));
    EXPECT_TRUE(client.received.empty());
    peer->send_frame(frame, true);
    pass(Duration::milli(20));
    EXPECT_EQ(client.received.size(), 1u);
    peer->send_frame(frame, false);
    pass(Duration::milli(20));
    EXPECT_EQ(client.received.size(), 1u);
}

TEST_F(NetworkTest, fragments_in_any_order_become_one_datagram) {
    open();
    Datagrams client;
    net::UdpSocket socket;
    ASSERT_TRUE(socket.open(*network, IpAddress::Family::V4, 4000, client));
    Octets payload;
    for (int i = 0; i < 5000; ++i)
        payload.push_back(static_cast<u8>(i));
    Octets datagram = packets::udp(OtherHost::address, 9, OtherHost::ours, 4000, payload);
    std::vector<usize> order{3, 0, 2, 1, 1}; // and one twice
    for (usize i : order) {
        usize at = i * 1480;
        bool more = at + 1480 < datagram.size();
        peer->send_frame(packets::ethernet(card->facts().mac, OtherHost::mac, 0x0800,
                                           packets::ipv4(OtherHost::address, OtherHost::ours, 17,
                                                         packets::slice(datagram, at, 1480), 77,
                                                         static_cast<u16>((more ? 0x2000 : 0) | at / 8))));
    }
    pass(Duration::milli(50));
    ASSERT_EQ(client.received.size(), 1u);
    EXPECT_EQ(Octets(client.received[0].begin(), client.received[0].end()), payload);
}

TEST_F(NetworkTest, half_datagrams_do_not_keep_the_buffers) {
    open();
    for (u16 id = 0; id < 1000; ++id)
        peer->send_frame(packets::ethernet(card->facts().mac, OtherHost::mac, 0x0800,
                                           packets::ipv4(OtherHost::address, OtherHost::ours, 17,
                                                         Octets(1480), id, id % 2 ? 0x2000 : 0x2000 | 185)));
    pass(Duration::milli(100));
    EXPECT_LE(card->held(), 64u);
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
    pass(Duration::seconds(20));
    EXPECT_EQ(card->held(), 0u);
}

TEST_F(NetworkTest, closing_gives_the_buffers_back) {
    open();
    for (u16 id = 0; id < 10; ++id)
        peer->send_frame(packets::ethernet(
            card->facts().mac, OtherHost::mac, 0x0800,
            packets::ipv4(OtherHost::address, OtherHost::ours, 17, Octets(1480), id, 0x2000)));
    pass(Duration::milli(100));
    EXPECT_GT(card->held(), 0u);
    network->close();
    EXPECT_EQ(card->held(), 0u);
}

TEST_F(NetworkTest, what_is_known_stays_for_the_next_command) {
    open();
    ASSERT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
    network->close();
    pass(Duration::seconds(5));
    ASSERT_TRUE(network->open(*card));
    usize before = peer->frames.size();
    ASSERT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
    EXPECT_EQ(peer->frames.size(), before + 1); // address and neighbour are still there
    network->close();
    pass(Duration::seconds(60));
    ASSERT_TRUE(network->open(*card));
    EXPECT_FALSE(network->route_to(host)); // forgotten: the network may be another one
}

TEST_F(NetworkTest, another_card_has_its_own_name_servers) {
    open();
    network->set_dns_servers({&host, 1});
    network->close();
    FakeCard other(loop);
    ASSERT_TRUE(network->open(other));
    auto found = network->resolve("a.example", IpAddress::Family::V4);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::NotReady);
    network->close();
}

TEST_F(NetworkTest, another_card_has_its_own_addresses) {
    open();
    FakeCard other(loop);
    other.change_facts().mac = {0x52, 0x54, 0, 1, 2, 3};
    OtherHost behind(other);
    ASSERT_TRUE(network->open(other));
    EXPECT_EQ(network->card(), &other);
    EXPECT_FALSE(network->route_to(host));
    network->set_ipv4({IpAddress::from_v4(OtherHost::ours), IpAddress::from_v4(0xffffff00), {}});
    EXPECT_TRUE(network->ping(host, event::Budget::total(Duration::seconds(1))));
    EXPECT_EQ(behind.frames.back().at(6 + 5), 3); // our MAC there
    network->close();
}

} // namespace
} // namespace vireo::test
