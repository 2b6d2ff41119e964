// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/clock.h"
#include "net/stack/network.h"
#include "net/stack/sockets.h"
#include "unit/net/stack/fake_card.h"
#include "unit/net/stack/packets.h"

#include <memory>
#include <random>

namespace vireo::test {

using packets::Octets;
using packets::Tcp;

// The other side of the cable, 10.0.2.2 and fe80::2: answers ARP and pings, hands datagrams and segments to
// the test. What it sends arrives after `delay`, unless `spoil` takes it or changes it.
class OtherHost {
  public:
    static constexpr u32 address = 0x0a000202;
    static constexpr u32 ours = 0x0a00020f; // Vireo's, in these tests
    static constexpr packets::Address6 address6{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
    static constexpr packets::Address6 ours6{0xfe, 0x80, 0, 0,    0,    0,    0,    0,
                                             0x50, 0x54, 0, 0xff, 0xfe, 0x12, 0x34, 0x56};
    static constexpr packets::Mac mac{0x52, 0x55, 0x0a, 0, 2, 2};

    explicit OtherHost(FakeCard& card) : card_(card) {
        card.on_send = [this](const FakeCard::Sent& sent) { take(sent.bytes); };
    }

    // Vireo's frames as they came, and how they are to be understood.
    std::vector<Frame> frames;
    bool answers_arp = true;
    bool answers_ping = true;
    bool speaks_ipv6 = false; // answers who asks for address6, and sends its segments from there
    u64 delay = 20 * hosted::microsecond;
    std::function<bool(Frame&)> spoil; // of a frame to Vireo: true if it is lost
    std::function<void(u32 from_ip, u16 from, u16 to, const Octets&)> on_datagram;
    std::function<void(const Tcp&)> on_segment;
    std::function<void(const Frame&)> on_frame; // of any kind

    void send_frame(Frame frame, bool checksum_is_good = false) {
        if (spoil && spoil(frame))
            return;
        hosted::schedule(delay, [this, frame = std::move(frame), checksum_is_good] {
            card_.deliver(frame, checksum_is_good);
        });
    }
    void send_ip(u8 protocol, const Octets& payload, u32 to = ours, u32 from = address) {
        send_frame(
            packets::ethernet(card_.facts().mac, mac, 0x0800, packets::ipv4(from, to, protocol, payload)));
    }
    void send_datagram(u16 from, u16 to, const Octets& payload, u32 from_ip = address, u32 to_ip = ours) {
        send_ip(17, packets::udp(from_ip, from, to_ip, to, payload), to_ip, from_ip);
    }
    void send_segment(const Tcp& segment, bool checksum_is_good = false) {
        const packets::Mac& to = card_.facts().mac;
        send_frame(speaks_ipv6
                       ? packets::ethernet(to, mac, 0x86dd,
                                           packets::ipv6(address6, ours6, 6, segment.bytes(address6, ours6)))
                       : packets::ethernet(to, mac, 0x0800,
                                           packets::ipv4(address, ours, 6, segment.bytes(address, ours))),
                   checksum_is_good);
    }
    FakeCard& card() { return card_; }

  private:
    void take(const Frame& frame) {
        frames.push_back(frame);
        if (on_frame)
            on_frame(frame);
        u32 type = packets::get16(frame, 12);
        Octets packet = packets::slice(frame, 14);
        if (type == 0x0806 && answers_arp && packets::get16(packet, 6) == 1 &&
            packets::get32(packet, 24) == address) {
            packets::Mac asker;
            std::copy_n(packet.begin() + 8, 6, asker.begin());
            send_frame(packets::ethernet(asker, mac, 0x0806,
                                         packets::arp(2, mac, address, asker, packets::get32(packet, 14))));
        }
        if (type == 0x0800)
            take_ipv4(packet);
        if (type == 0x86dd && speaks_ipv6)
            take_ipv6(packet);
    }
    void take_ipv6(const Octets& packet) {
        packets::Address6 from, to;
        std::copy_n(packet.begin() + 8, 16, from.begin());
        std::copy_n(packet.begin() + 24, 16, to.begin());
        Octets body = packets::slice(packet, 40);
        EXPECT_EQ(packets::get16(packet, 4), body.size());
        u8 kind = packet.at(6);
        if (kind == 6 || kind == 58)
            EXPECT_EQ(packets::checksum(body, packets::pseudo_sum(from, to, kind, body.size())), 0)
                << "checksum of protocol " << int{kind};
        if (kind == 58 && body.at(0) == 135 && std::ranges::equal(packets::slice(body, 8, 16), address6)) {
            Octets rest{0x60, 0, 0, 0}; // it was asked for, and overrides
            packets::put(rest, address6);
            rest.insert(rest.end(), {2, 1});
            packets::put(rest, mac);
            send_frame(packets::ethernet(
                card_.facts().mac, mac, 0x86dd,
                packets::ipv6(address6, from, 58, packets::icmp6(address6, from, 136, 0, rest))));
        }
        if (kind == 6 && on_segment)
            on_segment(Tcp::parse(body));
    }
    void take_ipv4(const Octets& packet) {
        EXPECT_EQ(packets::checksum(packets::slice(packet, 0, 20)), 0) << "checksum of an IP header";
        EXPECT_EQ(packets::get16(packet, 2), packet.size());
        u32 from = packets::get32(packet, 12);
        u32 to = packets::get32(packet, 16);
        if ((packets::get16(packet, 6) & 0x3fff) != 0)
            return; // a fragment: frames has it
        Octets body = packets::slice(packet, 20);
        u8 protocol = packet.at(9);
        if (protocol == 6 || protocol == 17)
            EXPECT_EQ(packets::checksum(body, packets::pseudo_sum(from, to, protocol, body.size())), 0)
                << "checksum of protocol " << int{protocol};
        if (protocol == 1 && body.at(0) == 8 && answers_ping && to == address) {
            EXPECT_EQ(packets::checksum(body), 0) << "checksum of an echo request";
            send_ip(1, packets::icmp(0, 0, packets::slice(body, 4)), from);
        }
        if (protocol == 17 && on_datagram)
            on_datagram(from, static_cast<u16>(packets::get16(body, 0)),
                        static_cast<u16>(packets::get16(body, 2)), packets::slice(body, 8));
        if (protocol == 6 && on_segment)
            on_segment(Tcp::parse(body));
    }
    FakeCard& card_;
};

// A network with a fake card and the peer, on virtual time.
class NetworkTest : public testing::Test {
  protected:
    NetworkTest() {
        hosted::use_virtual_clock();
        network = std::make_unique<net::Network>(loop, registry);
        card = std::make_unique<FakeCard>(loop);
        peer = std::make_unique<OtherHost>(*card);
    }
    ~NetworkTest() {
        network->close();
        EXPECT_EQ(card->held(), 0u) << "buffers that nobody needs any more";
    }
    void open() {
        ASSERT_TRUE(network->open(*card));
        network->set_ipv4({net::IpAddress::from_v4(OtherHost::ours), net::IpAddress::from_v4(0xffffff00),
                           net::IpAddress::from_v4(OtherHost::address)});
    }
    void pass(event::Duration time) { (void)loop.sleep(time).has_value(); }

    event::EventLoop loop;
    device::Registry registry;
    std::unique_ptr<net::Network> network;
    std::unique_ptr<FakeCard> card;
    std::unique_ptr<OtherHost> peer;
    net::IpAddress host = net::IpAddress::from_v4(OtherHost::address);
    net::IpAddress elsewhere = *net::IpAddress::parse("2001:db8:2::1"); // behind a router
};

} // namespace vireo::test
