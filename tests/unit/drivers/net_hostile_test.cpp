// SPDX-License-Identifier: Apache-2.0
// A card whose words about frames make no sense: what it says costs that frame, and nothing else.
#include "unit/support/net_bench.h"

namespace vireo::test {
namespace {

using event::Duration;
using fake::Net;

constexpr Net::Header plain{.num_buffers = 1};

class NetHostile : public NetOnBus {
  protected:
    // Delivers a frame with this header; true if it reached the peer.
    bool arrives(Peer& peer, const Net::Header& header, usize bytes = 100) {
        usize before = peer.got.size();
        EXPECT_TRUE(card.deliver(frame_of(bytes), header));
        turn();
        EXPECT_LE(peer.got.size(), before + 1);
        if (peer.got.size() > before)
            EXPECT_EQ(peer.got.back().frame, frame_of(bytes));
        return peer.got.size() > before;
    }
};
INSTANTIATE_TEST_SUITE_P(All, NetHostile, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, NetHostile, on(packed_buses), bus_name);

// covers: net.68, net.71, net.72, net.73
TEST_P(NetHostile, unknown_flags_and_hints_are_ignored) {
    device::NetDevice& net = start();
    Peer peer(net);
    EXPECT_TRUE(arrives(peer, {.flags = 0xf8, .num_buffers = 1}));
    EXPECT_FALSE(peer.got.back().checksum_is_good);
    EXPECT_TRUE(arrives(peer, {.hdr_len = 0xffff, .num_buffers = 1}));
    EXPECT_TRUE(arrives(peer, {.csum_start = 0xffff, .csum_offset = 0xffff, .num_buffers = 1}));
    // With RSC_INFO the two fields are counters.
    EXPECT_TRUE(arrives(peer, {.flags = 5, .csum_start = 0xffff, .csum_offset = 7, .num_buffers = 1}));
    EXPECT_EQ(net.statistics().dropped_bad, 0u);
}

// covers: net.80
TEST_P(NetHostile, two_checksums_in_a_frame_that_is_no_tunnels) {
    device::NetDevice& net = start();
    Peer peer(net);
    for (auto [flags, good] :
         {std::pair<u8, bool>{9, false}, {0x0d, false}, {0xff, false}, {8, true}, {1, true}, {0xf7, true}})
        EXPECT_EQ(arrives(peer, {.flags = flags, .csum_start = 34, .csum_offset = 16, .num_buffers = 1}),
                  good)
            << u32{flags};
    EXPECT_EQ(net.statistics().dropped_bad, 3u);
}

// covers: net.74
TEST_P(NetHostile, checksums_count_as_good_only_when_said) {
    device::NetDevice& net = start();
    Peer peer(net);
    ASSERT_TRUE(arrives(peer, plain));
    EXPECT_FALSE(peer.got.back().checksum_is_good);
    ASSERT_TRUE(arrives(peer, {.flags = Net::data_valid, .num_buffers = 1}));
    EXPECT_TRUE(peer.got.back().checksum_is_good);
    ASSERT_TRUE(
        arrives(peer, {.flags = Net::needs_csum, .csum_start = 34, .csum_offset = 16, .num_buffers = 1}));
    EXPECT_TRUE(peer.got.back().checksum_is_good);
}

TEST_P(NetHostile, a_checksum_beyond_the_frame) {
    device::NetDevice& net = start();
    Peer peer(net);
    for (auto [csum_at, offset, good] : {std::tuple<u16, u16, bool>{84, 14, true},
                                         {84, 15, false},
                                         {98, 0, true},
                                         {99, 0, false},
                                         {0xffff, 0xffff, false},
                                         {0, 0xffff, false}})
        EXPECT_EQ(arrives(peer, {.flags = 1, .csum_start = csum_at, .csum_offset = offset, .num_buffers = 1}),
                  good)
            << csum_at << " " << offset;
    EXPECT_EQ(net.statistics().dropped_bad, 4u);
}

// covers: net.75, net.77, net.78, net.79
TEST_P(NetHostile, segments_of_kinds_that_were_not_negotiated) {
    card.offered.remove(Net::guest_tso6);
    card.offered.remove(Net::guest_ecn);
    device::NetDevice& net = start();
    Peer peer(net);
    u64 bad = 0;
    for (unsigned type = 0; type < 256; ++type) {
        bool good = type == 0 || type == 1;
        bad += !good;
        EXPECT_EQ(arrives(peer, {.flags = 1,
                                 .gso_type = static_cast<u8>(type),
                                 .csum_start = 34,
                                 .csum_offset = 16,
                                 .num_buffers = 1}),
                  good)
            << type;
    }
    EXPECT_EQ(net.statistics().dropped_bad, bad);
}
TEST_P(NetHostile, segments_of_kinds_that_were) {
    device::NetDevice& net = start();
    Peer peer(net);
    for (u8 type : {0, 1, 4, 0x81, 0x84})
        EXPECT_TRUE(arrives(peer, {.flags = 1, .gso_type = type, .num_buffers = 1})) << u32{type};
    for (u8 type : {0x20, 0x21, 0x40, 0x44, 0x60, 0x61, 0x64, 3, 5})
        EXPECT_FALSE(arrives(peer, {.flags = 1, .gso_type = type, .num_buffers = 1})) << u32{type};
}

// covers: net.139, net.140
TEST_P(NetHostile, a_frame_of_none_or_of_too_many_buffers) {
    device::NetDevice& net = start();
    Peer peer(net);
    for (u16 count : {0, 2, 5, 20, 21, 256, 65535}) {
        EXPECT_FALSE(arrives(peer, {.num_buffers = count})) << count;
        EXPECT_TRUE(arrives(peer, plain)); // the next one is as if nothing had been
    }
    EXPECT_EQ(net.statistics().dropped_bad, 7u);
    for (int i = 0; i < 300; ++i)
        EXPECT_FALSE(arrives(peer, {.num_buffers = 0}));
    EXPECT_EQ(card.room(), 256u); // no buffer was lost
}
// Without MRG_RXBUF there is one, whatever the field says.
TEST_P(NetHostile, the_number_of_buffers_where_there_is_one) {
    card.offered.remove(Net::mrg_rxbuf);
    device::NetDevice& net = start();
    Peer peer(net);
    for (u16 count : {0, 1, 65535})
        EXPECT_TRUE(arrives(peer, {.num_buffers = count}));
}

// covers: net.141
TEST_P(NetHostile, used_len_shorter_than_header_drops_frame) {
    device::NetDevice& net = start();
    Peer peer(net);
    u32 header = card.accepted().has(Net::mrg_rxbuf) ? 12 : 10;
    std::vector<u8> bytes(header + 14);
    bytes[10] = 1; // num_buffers
    for (usize count = 0; count <= header + 14; ++count) {
        ASSERT_TRUE(
            card.deliver_raw(std::vector<u8>(bytes.begin(), bytes.begin() + static_cast<i64>(count))));
        turn();
        EXPECT_EQ(peer.got.size(), count == header + 14 ? 1u : 0u) << count;
    }
    EXPECT_EQ(net.statistics().dropped_bad, header + 14);
    EXPECT_EQ(card.room(), 256u);
}
TEST_P(NetHostile, rx_delivers_used_length_not_posted_length) {
    device::NetDevice& net = start();
    Peer peer(net);
    card.faults.lie = [](fake::Completion& c) { c.bytes_written -= c.bytes_written > 60 ? 30 : 0; };
    ASSERT_TRUE(card.deliver(frame_of(100)));
    turn();
    ASSERT_EQ(peer.got.size(), 1u);
    Frame cut = frame_of(100);
    cut.resize(70);
    EXPECT_EQ(peer.got[0].frame, cut);
}
TEST_P(NetHostile, used_len_beyond_the_buffer) {
    device::NetDevice& net = start();
    Peer peer(net);
    card.faults.lie = [](fake::Completion& c) { c.bytes_written = 70000; };
    ASSERT_TRUE(card.deliver(frame_of(100)));
    turn();
    if (is_legacy(GetParam())) { // cut to what was there; such devices are known
        ASSERT_EQ(peer.got.size(), 1u);
        EXPECT_LE(peer.got[0].frame.size(), 4096u);
        EXPECT_TRUE(net.usable());
    } else {
        EXPECT_TRUE(peer.got.empty());
        EXPECT_EQ(net.usable().error().code, ErrorCode::DeviceBroken);
    }
    // The manager brings it up again, and whoever listened still does.
    card.faults = {};
    ASSERT_TRUE(machine.manager.rescan());
    ASSERT_TRUE(net.usable());
    peer.got.clear();
    ASSERT_TRUE(card.deliver(frame_of(100)));
    turn();
    EXPECT_EQ(peer.got.size(), 1u);
}
// What a command begins with; no command of the user's is needed for that.
TEST_P(NetHostile, a_card_that_lied_has_another_chance) {
    device::NetDevice& net = start();
    card.faults.lie = [](fake::Completion& c) { c.id = 0x8000; };
    machine.complaints.ignore("ring.split.12");
    {
        Peer peer(net);
        ASSERT_TRUE(card.deliver(frame_of(100)));
        turn();
        ASSERT_EQ(net.usable().error().code, ErrorCode::DeviceBroken);
    }
    card.faults = {};
    net.revive();
    ASSERT_TRUE(net.usable());
    Peer peer(net);
    ASSERT_TRUE(card.deliver(frame_of(100)));
    EXPECT_TRUE(peer.send(frame_of(60)));
    turn();
    EXPECT_EQ(peer.got.size(), 1u);
    EXPECT_EQ(peer.sent_count, 1u);
    // One that is well is let be.
    u64 resets = card.resets();
    net.revive();
    EXPECT_EQ(card.resets(), resets);
}
TEST_P(NetHostile, an_empty_buffer_in_the_middle_of_a_frame) {
    device::NetDevice& net = start();
    Peer peer(net);
    unsigned n = 0;
    card.faults.lie = [&](fake::Completion& c) { c.bytes_written = ++n == 2 ? 0 : c.bytes_written; };
    ASSERT_TRUE(card.deliver(frame_of(9000)));
    turn();
    for (auto& one : peer.got)
        EXPECT_NE(one.frame, frame_of(9000));
    EXPECT_GE(net.statistics().dropped_bad, 1u);
    card.faults = {};
    EXPECT_EQ(card.room(), 256u);
    ASSERT_TRUE(card.deliver(frame_of(9000)));
    turn();
    ASSERT_FALSE(peer.got.empty());
    EXPECT_EQ(peer.got.back().frame, frame_of(9000));
}
// More than any protocol above can count.
TEST_P(NetHostile, frames_beyond_64_kib) {
    device::NetDevice& net = start();
    Peer peer(net);
    auto header = [](usize bytes) {
        return Net::Header{.flags = 1, .gso_type = 4, .num_buffers = parts_of(bytes)};
    };
    EXPECT_TRUE(arrives(peer, header(14 + 65535), 14 + 65535));
    EXPECT_FALSE(arrives(peer, header(14 + 65536), 14 + 65536));
    EXPECT_FALSE(arrives(peer, header(80000), 80000));
    EXPECT_TRUE(arrives(peer, plain));
}
// A device that gives a buffer back twice, or one that it never had.
TEST_P(NetMachines, buffers_that_are_not_the_devices) {
    for (int how : {0, 1}) {
        Machine one(GetParam());
        Net& liar = plug_card(one);
        one.start();
        device::NetDevice& net = *one.registry.net.find(0);
        Peer peer(net);
        peer.keeps = true; // so that they are not in the ring again
        liar.faults.lie = [&](fake::Completion& c) {
            if (how == 0)
                c.times = 2;
            else
                c.id = 0x8000;
        };
        one.complaints.ignore("ring.split.12");
        ASSERT_TRUE(liar.deliver(frame_of(100)));
        turn(one);
        EXPECT_LE(peer.got.size(), 1u);
        EXPECT_EQ(net.usable().error().code, ErrorCode::DeviceBroken);
        EXPECT_FALSE(peer.send(frame_of(60)));
    }
}
// A flood takes no turn of the loop for itself.
TEST_P(NetHostile, a_flood_leaves_the_loop_its_turns) {
    device::NetDevice& net = start();
    Peer peer(net);
    peer.on_received = [&] { // as fast as buffers come back
        if (peer.got.size() < 5000)
            card.deliver(frame_of(60));
    };
    ASSERT_TRUE(card.deliver(frame_of(60)));
    for (int i = 0; i < 8; ++i) {
        usize before = peer.got.size();
        machine.loop.poll_once();
        EXPECT_LE(peer.got.size() - before, 256u);
    }
    EXPECT_GT(peer.got.size(), 100u);
    peer.on_received = nullptr;
}
TEST_P(NetHostile, a_configuration_that_never_rests) {
    if (is_legacy(GetParam()))
        return;
    card.faults.before_config_read = [&](u32) { card.bump_generation(); };
    machine.start();
    EXPECT_FALSE(machine.registry.net.find(0));
    EXPECT_EQ(machine.state(), virtio::Session::State::Broken);
}

} // namespace
} // namespace vireo::test
