// SPDX-License-Identifier: Apache-2.0
// Frames that are wrong in every way a wire or a device can make them. AddressSanitizer, the card's books and
// lwIP's own assertions look on; afterwards the network works.
#include "unit/net/stack/peer.h"

namespace vireo::test {
namespace {

using event::Duration;
using net::IpAddress;
using packets::Address6;

class RobustnessTest : public NetworkTest {
  protected:
    RobustnessTest() {
        open();
        EXPECT_TRUE(
            network->wait_for_ipv6(*IpAddress::parse("fe80::1"), event::Budget::total(Duration::seconds(5))));
    }

    // How many messages of ICMP we have sent. IPv6 says things of its own accord, and lwIP repeats questions
    // to name servers that the tests before gave up.
    auto answers() const {
        return std::ranges::count_if(peer->frames, [](const Frame& sent) {
            return packets::get16(sent, 12) == 0x0800 && sent.at(23) == 1;
        });
    }

    std::vector<Frame> samples() {
        const Address6 from{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
        const Address6 all{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
        const packets::Mac& mac = card->facts().mac;
        Tcp segment{80, 4000};
        segment.flags = Tcp::Syn | Tcp::Ack;
        segment.options = {2, 4, 5, 0xb4, 1, 3, 3, 7};
        segment.payload = Octets(20, 1);
        Octets advertisement{64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 3, 4, 64, 0xc0};
        advertisement.resize(52);
        auto v4 = [&](u8 protocol, const Octets& payload, u16 fragment = 0) {
            return packets::ethernet(
                mac, OtherHost::mac, 0x0800,
                packets::ipv4(OtherHost::address, OtherHost::ours, protocol, payload, 9, fragment));
        };
        auto v6 = [&](u8 type, const Octets& rest) {
            return packets::ethernet({0x33, 0x33, 0, 0, 0, 1}, OtherHost::mac, 0x86dd,
                                     packets::ipv6(from, all, 58, packets::icmp6(from, all, type, 0, rest)));
        };
        Octets fragment6{58, 0, 0, 1, 0, 0, 0, 7};
        fragment6.resize(24);
        return {
            packets::ethernet(mac, OtherHost::mac, 0x0806,
                              packets::arp(1, OtherHost::mac, OtherHost::address, {}, OtherHost::ours)),
            v4(1, packets::icmp(8, 0, Octets(30, 7))),
            v4(1, packets::icmp(3, 1, Octets(40, 0x45))),
            v4(17, packets::udp(OtherHost::address, 67, OtherHost::ours, 68, Octets(300, 2))),
            v4(17, packets::udp(OtherHost::address, 53, OtherHost::ours, 4000, Octets(40, 0xc0))),
            v4(17, Octets(1480, 3), 0x2000),
            v4(17, Octets(100, 3), 0x1fff),
            v4(6, segment.bytes(OtherHost::address, OtherHost::ours)),
            v4(2, Octets(8, 0x11)),
            v6(128, Octets(20, 1)),
            v6(134, advertisement),
            v6(135, Octets(28, 0xfe)),
            v6(136, Octets(28, 0xfe)),
            v6(137, Octets(44, 0xfe)),
            v6(130, Octets(24, 0)),
            v6(2, Octets(60, 0x60)),
            packets::ethernet(mac, OtherHost::mac, 0x86dd, packets::ipv6(from, all, 44, fragment6)),
            packets::ethernet(mac, OtherHost::mac, 0x86dd, packets::ipv6(from, all, 0, Octets(40, 0))),
            packets::ethernet(mac, OtherHost::mac, 0x8100, Octets(60, 0)),
        };
    }
    void expect_works() {
        pass(Duration::milli(100));
        card->first_part_bytes = card->part_bytes = 4096;
        auto took = network->ping(host, event::Budget::total(Duration::seconds(3)));
        EXPECT_TRUE(took) << took.error().what;
    }
};

TEST_F(RobustnessTest, frames_cut_off_anywhere) {
    for (const Frame& frame : samples())
        for (usize bytes = 14; bytes <= std::min<usize>(frame.size(), 120); ++bytes) {
            card->deliver(Frame(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(bytes)),
                          bytes % 2);
            pass(Duration::milli(1));
        }
    expect_works();
}

TEST_F(RobustnessTest, frames_in_parts_of_any_size) {
    for (const Frame& frame : samples())
        for (usize first = 14; first <= 100; first += 3) {
            card->first_part_bytes = first;
            card->part_bytes = std::max<usize>(first, frame.size() / 18);
            card->deliver(frame);
            pass(Duration::milli(1));
        }
    expect_works();
}

TEST_F(RobustnessTest, frames_with_any_byte_wrong) {
    for (const Frame& frame : samples())
        for (usize at = 12; at < std::min<usize>(frame.size(), 90); ++at)
            for (u8 value : {0x00, 0x01, 0x7f, 0xff}) {
                Frame bad = frame;
                bad[at] = value;
                if (bad[12] == 8 && bad[13] == 0 &&
                    bad.size() >= 34) { // the header's sum is right, so it is read on
                    Octets header = packets::slice(bad, 14, 20);
                    packets::set16(header, 10, 0);
                    packets::set16(bad, 24, packets::checksum(header));
                }
                card->deliver(bad, true);
                pass(Duration::milli(1));
            }
    // An advertisement may have changed what IPv6 believes; IPv4 must not have been touched.
    expect_works();
}

TEST_F(RobustnessTest, frames_of_the_largest_size_and_beyond) {
    for (usize bytes : {1515u, 9014u, 65535u, 65549u, 65550u, 70000u, 81920u}) {
        for (const Frame& sample : samples()) {
            Frame frame = sample;
            frame.resize(bytes);
            card->deliver(frame, true);
        }
        pass(Duration::milli(10));
    }
    expect_works();
}

// Its length in 16 bits is that of the packet it begins with.
TEST_F(RobustnessTest, a_frame_of_more_than_64_kib_is_not_taken_for_its_beginning) {
    Frame frame = packets::ethernet(
        card->facts().mac, OtherHost::mac, 0x0800,
        packets::ipv4(OtherHost::address, OtherHost::ours, 1, packets::icmp(8, 0, Octets(30, 7))));
    auto before = answers();
    Frame longer = frame;
    longer.resize(frame.size() + 65536);
    card->deliver(longer);
    pass(Duration::milli(10));
    EXPECT_EQ(answers(), before);
    card->deliver(frame);
    pass(Duration::milli(10));
    EXPECT_GT(answers(), before);
}

TEST_F(RobustnessTest, frames_to_somebody_else_are_not_looked_at) {
    Frame frame = packets::ethernet(
        {0x52, 0x54, 0, 9, 9, 9}, OtherHost::mac, 0x0800,
        packets::ipv4(OtherHost::address, OtherHost::ours, 1, packets::icmp(8, 0, Octets(30, 7))));
    auto before = answers();
    card->deliver(frame);
    pass(Duration::milli(10));
    EXPECT_EQ(answers(), before);
    expect_works();
}

TEST_F(RobustnessTest, a_flood_while_nothing_can_be_sent) {
    card->room = 0; // no answer leaves
    for (int i = 0; i < 3000; ++i) {
        for (const Frame& frame : samples())
            if (frame.size() < 200)
                card->deliver(frame);
        loop.poll_once();
    }
    pass(Duration::seconds(1));
    card->room = 256;
    expect_works();
}

TEST_F(RobustnessTest, rubbish) {
    std::mt19937 random(5);
    auto kinds = samples();
    for (int i = 0; i < 20'000; ++i) {
        Frame frame = kinds[random() % kinds.size()];
        for (usize n = random() % 6; n > 0; --n)
            frame[12 + random() % (frame.size() - 12)] = static_cast<u8>(random());
        if (random() % 8 == 0)
            frame.resize(14 + random() % (frame.size() - 13));
        card->first_part_bytes = random() % 4 ? 4096 : 14 + random() % 80;
        card->deliver(frame, random() % 2);
        if (i % 16 == 0)
            pass(Duration::milli(random() % 100));
    }
    network->close();
    pass(Duration::seconds(60)); // forgets what it was made to believe
    open();
    expect_works();
}

} // namespace
} // namespace vireo::test
