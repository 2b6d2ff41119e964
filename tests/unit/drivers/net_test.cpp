// SPDX-License-Identifier: Apache-2.0
// The network driver on every bus and both formats of rings: frames in, frames out, link, filter, address.
#include "unit/support/net_bench.h"

namespace vireo::test {
namespace {

using event::Duration;

INSTANTIATE_TEST_SUITE_P(All, NetOnBus, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, NetOnBus, on(packed_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Net, NetMachines, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, NetMachines, on(packed_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Rings, NetOnBus, on(ring_variants), bus_name);

// covers: net.03, net.15, net.16, net.59, net.66, net.legacy.05
TEST_P(NetOnBus, frames_go_both_ways) {
    device::NetDevice& net = start();
    EXPECT_EQ(net.facts().mac, card_mac);
    EXPECT_FALSE(net.facts().mac_is_made_up);
    Peer peer(net);
    for (usize bytes : {14u, 60u, 61u, 1513u, 1514u}) {
        ASSERT_TRUE(card.deliver(frame_of(bytes, 3)));
        ASSERT_TRUE(peer.send(frame_of(bytes, 4, host_mac)));
        turn();
        ASSERT_FALSE(peer.got.empty());
        EXPECT_EQ(peer.got.back().frame, frame_of(bytes, 3));
        EXPECT_EQ(peer.got.back().parts, 1u);
        ASSERT_FALSE(card.sent().empty());
        EXPECT_EQ(card.sent().back().frame, frame_of(bytes, 4, host_mac));
        EXPECT_EQ(card.sent().back().header.flags, 0);
        EXPECT_EQ(card.sent().back().header.gso_type, 0);
    }
    EXPECT_EQ(peer.sent_count, 5u);
    EXPECT_EQ(net.statistics().frames_received, 5u);
    EXPECT_EQ(net.statistics().frames_sent, 5u);
    EXPECT_EQ(net.statistics().bytes_received, net.statistics().bytes_sent);
    EXPECT_EQ(net.statistics().dropped_bad + net.statistics().dropped_unheard + net.statistics().refused, 0u);
}

TEST_P(NetOnBus, many_frames_in_order_and_none_lost) {
    device::NetDevice& net = start();
    Peer peer(net);
    unsigned delivered = 0, sent = 0;
    for (unsigned round = 0; round < 20; ++round) {
        for (unsigned i = 0; i < 40; ++i) {
            delivered += card.deliver(frame_of(60 + delivered % 1400, static_cast<u8>(delivered)));
            sent += peer.send(frame_of(60 + sent % 1400, static_cast<u8>(sent)), 1 + sent % 700 + 200);
        }
        turn();
    }
    EXPECT_EQ(delivered, 800u);
    EXPECT_EQ(sent, 800u);
    ASSERT_EQ(peer.got.size(), delivered);
    ASSERT_EQ(card.sent().size(), sent);
    for (unsigned i = 0; i < 800; ++i) {
        EXPECT_EQ(peer.got[i].frame, frame_of(60 + i % 1400, static_cast<u8>(i)));
        EXPECT_EQ(card.sent()[i].frame, frame_of(60 + i % 1400, static_cast<u8>(i)));
    }
    EXPECT_EQ(peer.sent_count, sent);
}

// covers: net.65, net.139, net.legacy.04
TEST_P(NetOnBus, large_frames_come_in_pages) {
    device::NetDevice& net = start();
    EXPECT_EQ(net.facts().takes_large_frames, true);
    Peer peer(net);
    for (usize bytes : {4082u, 4083u, 9000u, 65536u, 65549u}) {
        ASSERT_TRUE(card.deliver(frame_of(bytes), fake::Net::Header{.flags = 1,
                                                                    .gso_type = 1,
                                                                    .gso_size = 1448,
                                                                    .csum_start = 34,
                                                                    .csum_offset = 16,
                                                                    .num_buffers = parts_of(bytes)}));
        turn();
        ASSERT_FALSE(peer.got.empty());
        EXPECT_EQ(peer.got.back().frame, frame_of(bytes));
        EXPECT_EQ(peer.got.back().parts, parts_of(bytes));
        EXPECT_TRUE(peer.got.back().checksum_is_good);
    }
    EXPECT_EQ(peer.got.size(), 5u);
}

// The receiver may keep buffers; the ring stays full meanwhile, until the pool is empty.
TEST_P(NetOnBus, kept_buffers_stay_as_they_are) {
    device::NetDevice& net = start();
    Peer peer(net);
    peer.keeps = true;
    usize room = card.room();
    EXPECT_EQ(room, 256u);
    unsigned delivered = 0;
    while (card.deliver(frame_of(100, static_cast<u8>(delivered)))) {
        ++delivered;
        if (delivered % 32 == 0)
            turn();
        ASSERT_LE(delivered, 1000u);
    }
    turn();
    EXPECT_EQ(peer.got.size(), delivered);
    EXPECT_EQ(delivered, 256u + 128);
    EXPECT_EQ(card.room(), 0u);
    peer.give_all_back();
    turn();
    EXPECT_EQ(card.room(), 256u);
    EXPECT_TRUE(card.deliver(frame_of(77)));
    turn();
    EXPECT_EQ(peer.got.back().frame, frame_of(77));
}

TEST_P(NetOnBus, nobody_listens) {
    device::NetDevice& net = start();
    EXPECT_FALSE(card.deliver(frame_of(60))); // there are no buffers yet
    {
        Peer peer(net);
        ASSERT_TRUE(card.deliver(frame_of(60, 1)));
        turn();
        EXPECT_EQ(peer.got.size(), 1u);
    }
    ASSERT_TRUE(card.deliver(frame_of(60, 2)));
    ASSERT_TRUE(card.deliver(frame_of(60, 3)));
    turn();
    Peer later(net); // hears nothing of what came before
    turn();
    EXPECT_TRUE(later.got.empty());
    EXPECT_EQ(net.statistics().dropped_unheard, 2u);
    ASSERT_TRUE(card.deliver(frame_of(60, 4)));
    turn();
    ASSERT_EQ(later.got.size(), 1u);
    EXPECT_EQ(later.got[0].frame, frame_of(60, 4));
    later.stop();
    EXPECT_FALSE(later.send(frame_of(60)));
}

// What was sent goes out, and its sender hears of that, although nobody listens any more.
TEST_P(NetOnBus, last_words) {
    device::NetDevice& net = start();
    Peer peer(net);
    ASSERT_TRUE(peer.send(frame_of(60)));
    peer.stop();
    turn();
    EXPECT_EQ(card.sent().size(), 1u);
    EXPECT_EQ(peer.sent_count, 1u);
}

TEST_P(NetOnBus, a_frame_may_be_answered_at_once) {
    device::NetDevice& net = start();
    Peer peer(net);
    unsigned left = 100;
    card.on_sent = [&](const fake::Net::Sent& sent) { card.deliver(frame_of(sent.frame.size())); };
    peer.on_received = [&] {
        if (left-- > 0)
            peer.send(frame_of(60 + left, 1, host_mac));
    };
    ASSERT_TRUE(card.deliver(frame_of(60)));
    for (unsigned i = 0; i < 100; ++i)
        turn();
    EXPECT_EQ(peer.got.size(), 101u);
    EXPECT_EQ(card.sent().size(), 100u);
}

// covers: net.09
TEST_P(NetOnBus, frames_that_cannot_be_are_refused) {
    device::NetDevice& net = start();
    Peer peer(net);
    EXPECT_FALSE(peer.send(frame_of(1515)));
    EXPECT_TRUE(peer.send(frame_of(1514)));
    Frame short_one(13);
    EXPECT_FALSE(peer.send(short_one));
    turn();
    EXPECT_EQ(card.sent().size(), 1u);
    EXPECT_EQ(net.statistics().refused, 2u);
}

// A full ring refuses, and takes again when the device has gone on.
TEST_P(NetOnBus, a_full_ring_refuses_and_recovers) {
    card.latency = [](u64) { return 10 * hosted::millisecond; };
    device::NetDevice& net = start();
    Peer peer(net);
    unsigned taken = 0;
    while (peer.send(frame_of(200), 100))
        ASSERT_LE(++taken, 256u);
    EXPECT_GE(taken, 64u);
    EXPECT_EQ(net.statistics().refused, 1u);
    pass(Duration::milli(50));
    EXPECT_EQ(peer.sent_count, taken);
    EXPECT_TRUE(peer.send(frame_of(200), 100));
    pass(Duration::milli(50));
    EXPECT_EQ(card.sent().size(), taken + 1);
}

// covers: net.06, net.legacy.02
TEST_P(NetOnBus, link_goes_down_and_up) {
    device::NetDevice& net = start();
    EXPECT_TRUE(net.facts().reports_link);
    EXPECT_TRUE(net.link_is_up());
    Peer peer(net);
    pass(Duration::seconds(2));
    EXPECT_TRUE(peer.links.empty());
    card.set_link(false);
    pass(Duration::seconds(2)); // nothing comes: it is looked at
    EXPECT_EQ(peer.links, std::vector{false});
    EXPECT_FALSE(net.link_is_up());
    card.set_link(true);
    EXPECT_TRUE(net.link_is_up());
    pass(Duration::seconds(2));
    EXPECT_EQ(peer.links, (std::vector{false, true}));
}
// covers: net.05
TEST_P(NetOnBus, link_without_status_counts_as_up) {
    card.offered.remove(fake::Net::status_field);
    card.set_link(false);
    device::NetDevice& net = start();
    EXPECT_FALSE(net.facts().reports_link);
    EXPECT_TRUE(net.link_is_up());
}

// covers: net.02, net.04
TEST_P(NetOnBus, a_card_without_address_gets_a_local_one) {
    card.offered.remove(fake::Net::mac);
    card.set_mac({});
    fake::Net& other = plug_card(machine, {});
    other.offered.remove(fake::Net::mac);
    device::NetDevice& net = start();
    auto mac = net.facts().mac;
    EXPECT_TRUE(net.facts().mac_is_made_up);
    EXPECT_EQ(mac[0] & 3, 2);
    EXPECT_NE(machine.registry.net.find(1)->facts().mac, mac);
    Peer peer(net);
    turn();
    if (card.accepted().has(fake::Net::ctrl_mac_addr)) { // the device was told, and filters by it
        ASSERT_FALSE(card.commands().empty());
        EXPECT_EQ(card.commands().back().ack, 0);
        EXPECT_FALSE(card.deliver(frame_of(60, 1, host_mac)));
    }
    EXPECT_TRUE(card.deliver(frame_of(60, 1, mac)));
    turn();
    EXPECT_EQ(peer.got.size(), 1u);
    card.need_reset(); // it stays
    pass(Duration::seconds(2));
    EXPECT_EQ(net.facts().mac, mac);
    EXPECT_TRUE(card.deliver(frame_of(60, 1, mac)));
}
TEST_P(NetMachines, an_address_that_no_station_can_have) {
    for (device::MacAddress mac :
         {device::MacAddress{}, device::MacAddress{0x01, 0, 0x5e, 0, 0, 1}, everybody}) {
        Machine one(GetParam());
        plug_card(one, mac);
        one.start();
        auto& facts = one.registry.net.find(0)->facts();
        EXPECT_TRUE(facts.mac_is_made_up);
        EXPECT_EQ(facts.mac[0] & 3, 2);
    }
}

// covers: net.88
TEST_P(NetOnBus, the_user_chooses_an_address) {
    constexpr device::MacAddress chosen{2, 0, 0, 0xaa, 0xbb, 9};
    device::NetDevice& net = start();
    Peer peer(net);
    EXPECT_EQ(net.set_mac({1, 0, 0, 0, 0, 1}).error().code, ErrorCode::InvalidArgument);
    EXPECT_EQ(net.set_mac({}).error().code, ErrorCode::InvalidArgument);
    ASSERT_TRUE(net.set_mac(chosen));
    EXPECT_EQ(net.facts().mac, chosen);
    EXPECT_EQ(card.address(), chosen);
    EXPECT_FALSE(card.deliver(frame_of(60)));
    EXPECT_TRUE(card.deliver(frame_of(60, 1, chosen)));
    turn();
    EXPECT_EQ(peer.got.size(), 1u);
    // And after a reset.
    card.need_reset();
    pass(Duration::seconds(2));
    EXPECT_EQ(net.facts().mac, chosen);
    EXPECT_TRUE(card.deliver(frame_of(60, 1, chosen)));
    turn();
    EXPECT_EQ(peer.got.size(), 2u);
}
// A card that can be told its address no more has its own again.
TEST_P(NetOnBus, an_address_that_the_card_does_not_know_is_not_used) {
    constexpr device::MacAddress chosen{2, 0, 0, 0, 0, 9};
    device::NetDevice& net = start();
    ASSERT_TRUE(net.set_mac(chosen));
    ASSERT_TRUE(net.set_filter({.promiscuous = true}));
    ASSERT_TRUE(machine.manager.wish(0, "ctrl_rx", system::FeatureWish::Off)); // and the filter with it
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_FALSE(card.promiscuous);
    EXPECT_EQ(net.facts().mac, card.address());
    EXPECT_EQ(net.facts().mac, is_legacy(GetParam()) ? chosen : card_mac);
    ASSERT_TRUE(machine.manager.wish(0, "ctrl_rx", system::FeatureWish::Default));
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_EQ(net.facts().mac, chosen);
    EXPECT_EQ(card.address(), chosen);
}
// covers: net.01, net.87, net.legacy.03
TEST_P(NetOnBus, an_address_without_the_command_for_it) {
    constexpr device::MacAddress chosen{2, 0, 0, 0, 0, 9};
    card.offered.remove(fake::Net::ctrl_rx); // forbids the command, offered or not
    device::NetDevice& net = start();
    EXPECT_FALSE(card.accepted().has(fake::Net::ctrl_mac_addr));
    if (is_legacy(GetParam()))
        ASSERT_TRUE(net.set_mac(chosen)); // by configuration
    else
        EXPECT_EQ(net.set_mac(chosen).error().code, ErrorCode::NotSupported);
    EXPECT_EQ(net.facts().mac, is_legacy(GetParam()) ? chosen : card_mac);
    EXPECT_EQ(card.address(), net.facts().mac);
    EXPECT_TRUE(card.commands().empty());
    ASSERT_TRUE(machine.manager.reset(0)); // which makes the card forget, and the driver say it again
    EXPECT_EQ(card.address(), net.facts().mac);
    EXPECT_EQ(net.facts().mac, is_legacy(GetParam()) ? chosen : card_mac);
}

// covers: net.89, net.90, net.136, net.legacy.07
TEST_P(NetOnBus, filter) {
    constexpr device::MacAddress one{0x33, 0x33, 0, 0, 0, 1}, two{0x33, 0x33, 0xff, 0x12, 0x34, 0x56};
    device::NetDevice& net = start();
    EXPECT_TRUE(net.facts().filters);
    Peer peer(net);
    EXPECT_TRUE(card.deliver(frame_of(60)));
    EXPECT_TRUE(card.deliver(frame_of(60, 1, everybody)));
    EXPECT_FALSE(card.deliver(frame_of(60, 1, one)));
    device::MacAddress both[] = {one, two};
    ASSERT_TRUE(net.set_filter({.multicast = both}));
    EXPECT_EQ(card.groups.size(), 2u);
    EXPECT_TRUE(card.deliver(frame_of(60, 1, one)));
    EXPECT_TRUE(card.deliver(frame_of(60, 1, two)));
    EXPECT_FALSE(card.deliver(frame_of(60, 1, host_mac)));
    ASSERT_TRUE(net.set_filter({.promiscuous = true}));
    EXPECT_TRUE(card.groups.empty());
    EXPECT_TRUE(card.deliver(frame_of(60, 1, host_mac)));
    // A reset forgets it; the driver does not.
    ASSERT_TRUE(net.set_filter({.promiscuous = false, .multicast = std::span(both).first(1)}));
    card.need_reset();
    pass(Duration::seconds(2));
    EXPECT_EQ(card.groups.size(), 1u);
    EXPECT_FALSE(card.promiscuous);
    EXPECT_TRUE(card.deliver(frame_of(60, 1, one)));
    // More groups than the table holds: all of them.
    std::vector<device::MacAddress> many(65, one);
    ASSERT_TRUE(net.set_filter({.multicast = many}));
    EXPECT_TRUE(card.all_multicast);
    EXPECT_TRUE(card.deliver(frame_of(60, 1, two)));
    many.pop_back();
    ASSERT_TRUE(net.set_filter({.multicast = many}));
    EXPECT_FALSE(card.all_multicast);
    EXPECT_EQ(card.groups.size(), 64u);
}
// covers: net.85, net.86
TEST_P(NetOnBus, a_card_that_does_not_choose) {
    card.offered.remove(fake::Net::ctrl_rx);
    device::NetDevice& net = start();
    EXPECT_FALSE(net.facts().filters);
    EXPECT_EQ(net.set_filter({.promiscuous = true}).error().code, ErrorCode::NotSupported);
    EXPECT_TRUE(card.commands().empty());
}
TEST_P(NetOnBus, a_refused_command_is_an_error) {
    card.answer = [](const fake::Net::Command&) { return std::optional<u16>(1); };
    device::NetDevice& net = start();
    EXPECT_EQ(net.set_filter({.promiscuous = true}).error().code, ErrorCode::NotSupported);
    EXPECT_EQ(net.set_mac({2, 0, 0, 0, 0, 1}).error().code, ErrorCode::NotSupported);
    EXPECT_EQ(net.facts().mac, card_mac);
    card.answer = [](const fake::Net::Command&) { return std::optional<u16>(256); }; // a byte never written
    EXPECT_EQ(net.set_filter({.promiscuous = true}).error().code, ErrorCode::NotSupported);
    card.answer = nullptr;
    EXPECT_TRUE(net.set_filter({.promiscuous = true}));
}
TEST_P(NetOnBus, a_command_that_is_never_answered_times_out) {
    device::NetDevice& net = start();
    Peer peer(net);
    card.ignores_commands = true;
    event::Instant before = event::now();
    EXPECT_EQ(net.set_filter({.promiscuous = true}).error().code, ErrorCode::Timeout);
    EXPECT_LT((event::now() - before).microseconds, 3'000'000u);
    card.ignores_commands = false;
    EXPECT_TRUE(net.usable());
    EXPECT_TRUE(card.deliver(frame_of(60)));
    turn();
    EXPECT_EQ(peer.got.size(), 1u);
    EXPECT_TRUE(net.set_filter({.promiscuous = true}));
}

// covers: net.17, net.18, net.41, net.42, net.43, net.44
TEST_P(NetOnBus, checksums_are_left_to_the_device_where_it_can) {
    device::NetDevice& net = start();
    ASSERT_TRUE(net.facts().can_checksum);
    Peer peer(net);
    // IPv4, UDP: with the sum of the pseudo header where the checksum belongs.
    Frame frame = frame_of(14 + 20 + 8 + 11, 1, host_mac);
    u8 ip[] = {0x45, 0, 0, 39, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2};
    u16 ip_sum = static_cast<u16>(~fake::Net::sum(ip));
    ip[10] = static_cast<u8>(ip_sum >> 8);
    ip[11] = static_cast<u8>(ip_sum);
    u8 udp[] = {0x10, 0, 0x20, 0, 0, 19, 0, 0};
    u16 pseudo = fake::Net::sum(std::span(ip).subspan(12, 8), 17 + 19);
    udp[6] = static_cast<u8>(pseudo >> 8);
    udp[7] = static_cast<u8>(pseudo);
    frame[12] = 0x08;
    frame[13] = 0x00;
    std::copy(std::begin(ip), std::end(ip), frame.begin() + 14);
    std::copy(std::begin(udp), std::end(udp), frame.begin() + 34);
    ASSERT_TRUE(peer.send(frame, 20, device::OutgoingFrame::Checksum{.start = 34, .offset = 6}));
    turn();
    ASSERT_EQ(card.sent().size(), 1u);
    EXPECT_EQ(card.sent()[0].header.flags, 1);
    EXPECT_EQ(card.sent()[0].header.csum_start, 34);
    EXPECT_EQ(card.sent()[0].header.csum_offset, 6);
    // The fake has completed it, and its referee found it right.
    EXPECT_NE(card.sent()[0].frame, frame);
    // The next frame is without, in the same header.
    ASSERT_TRUE(peer.send(frame_of(60)));
    turn();
    EXPECT_EQ(card.sent()[1].header.flags, 0);
    EXPECT_EQ(card.sent()[1].header.csum_start, 0);
}
TEST_P(NetOnBus, a_card_without_checksums) {
    card.offered.remove(fake::Net::csum);
    card.offered.remove(fake::Net::guest_csum);
    device::NetDevice& net = start();
    EXPECT_FALSE(net.facts().can_checksum);
    EXPECT_FALSE(net.facts().takes_large_frames);
    EXPECT_FALSE(card.accepted().has(fake::Net::guest_tso4));
    Peer peer(net);
    // What it says about checksums is not believed then (net.17 of the device's side).
    ASSERT_TRUE(
        card.deliver(frame_of(60), fake::Net::Header{.flags = 3, .csum_start = 9999, .num_buffers = 1}));
    turn();
    ASSERT_EQ(peer.got.size(), 1u);
    EXPECT_FALSE(peer.got[0].checksum_is_good);
}

// Old devices put any length there.
// covers: net.legacy.06
TEST_P(NetOnBus, used_lengths_of_what_was_sent) {
    if (!is_legacy(GetParam()))
        return;
    card.faults.lie = [](fake::Completion& c) { c.bytes_written = c.queue == 0 ? c.bytes_written : 70000; };
    device::NetDevice& net = start();
    Peer peer(net);
    ASSERT_TRUE(peer.send(frame_of(60)));
    EXPECT_TRUE(net.set_filter({.promiscuous = true}));
    card.faults.lie = [](fake::Completion& c) { c.bytes_written = 0; };
    ASSERT_TRUE(peer.send(frame_of(60)));
    EXPECT_TRUE(net.set_filter({.promiscuous = false}));
    EXPECT_FALSE(card.promiscuous);
    turn();
    EXPECT_EQ(peer.sent_count, 2u);
}

// covers: net.07, net.08
TEST_P(NetMachines, the_mtu_is_the_devices) {
    for (u16 mtu : {68, 1280, 1500, 9000, 65535}) {
        Machine one(GetParam());
        fake::Net& wide = plug_card(one);
        wide.set_mtu(mtu);
        one.start();
        device::NetDevice& net = *one.registry.net.find(0);
        EXPECT_EQ(net.facts().mtu, mtu);
        Peer peer(net);
        EXPECT_TRUE(peer.send(frame_of(14u + mtu)));
        EXPECT_FALSE(peer.send(frame_of(15u + mtu)));
        EXPECT_TRUE(wide.deliver(frame_of(14u + mtu)));
        turn(one);
        ASSERT_EQ(peer.got.size(), 1u);
        EXPECT_EQ(peer.got[0].frame, frame_of(14u + mtu));
        EXPECT_EQ(wide.sent().size(), 1u);
    }
}
TEST_P(NetOnBus, an_mtu_that_cannot_be) {
    card.set_mtu(67);
    EXPECT_EQ(start().facts().mtu, 1500);
}

// covers: net.64
TEST_P(NetMachines, without_merged_buffers_frames_fit_one) {
    for (u16 mtu : {1500, 9000, 60000}) {
        Machine one(GetParam());
        fake::Net& simple = plug_card(one);
        simple.offered.remove(fake::Net::mrg_rxbuf);
        simple.set_mtu(mtu);
        one.start();
        EXPECT_FALSE(simple.accepted().has(fake::Net::guest_tso4)); // net.63: no such buffers
        Peer peer(*one.registry.net.find(0));
        for (unsigned i = 0; i < 100; ++i) {
            ASSERT_TRUE(simple.deliver(frame_of(14u + mtu, static_cast<u8>(i))));
            EXPECT_TRUE(peer.send(frame_of(60)));
            turn(one);
        }
        ASSERT_EQ(peer.got.size(), 100u);
        EXPECT_EQ(peer.got[99].frame, frame_of(14u + mtu, 99));
    }
}

// covers: net.legacy.11, net.legacy.12, net.legacy.13, net.legacy.14
TEST_P(NetMachines, old_devices_want_the_header_apart) {
    for (bool merges : {true, false}) {
        Machine one(GetParam());
        fake::Net& old = plug_card(one);
        old.offered.remove(fake::feature::any_layout);
        old.offered.set(fake::Net::mrg_rxbuf, merges);
        one.start();
        device::NetDevice& net = *one.registry.net.find(0);
        Peer peer(net);
        ASSERT_TRUE(old.deliver(frame_of(1514)));
        ASSERT_TRUE(peer.send(frame_of(1000)));
        turn(one);
        ASSERT_EQ(peer.got.size(), 1u);
        EXPECT_EQ(peer.got[0].frame, frame_of(1514));
        ASSERT_EQ(old.sent().size(), 1u);
        EXPECT_EQ(old.sent()[0].frame, frame_of(1000));
        device::MacAddress group{0x33, 0x33, 0, 0, 0, 1};
        EXPECT_TRUE(net.set_filter({.multicast = std::span(&group, 1)}));
        EXPECT_EQ(old.groups.size(), 1u);
    }
}

} // namespace
} // namespace vireo::test
