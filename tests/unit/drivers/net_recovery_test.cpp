// SPDX-License-Identifier: Apache-2.0
// What becomes of frames and buffers when the card, or one of its queues, is reset, stopped or gone; and what
// a card is told to do at all.
#include "io/window.h"
#include "unit/support/net_bench.h"

#include <cstdlib>

// Pages, which receive buffers are made of, from an allocator that can be out of memory.
namespace {
bool is_memory_short = false;
void* take_pages(std::size_t bytes, std::align_val_t alignment) {
    auto unit = static_cast<std::size_t>(alignment);
    return is_memory_short ? nullptr : std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
}
} // namespace
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return take_pages(bytes, alignment); }
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return take_pages(bytes, alignment);
}
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept { std::free(memory); }

namespace vireo::test {
namespace {

using event::Duration;
using fake::Net;
using State = virtio::Session::State;

class NetRecovery : public NetOnBus {};
INSTANTIATE_TEST_SUITE_P(All, NetRecovery, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, NetRecovery, on(packed_buses), bus_name);

// covers: gen.status.04
TEST_P(NetRecovery, a_card_that_needs_a_reset) {
    if (is_legacy(GetParam()))
        return; // knows no such bit
    device::NetDevice& net = start();
    Peer peer(net);
    peer.keeps = true;
    ASSERT_TRUE(card.deliver(frame_of(500, 1)));
    turn();
    ASSERT_EQ(peer.held.size(), 1u);
    card.latency = [](u64) { return hosted::second; };
    ASSERT_TRUE(peer.send(frame_of(60)));
    turn();
    card.need_reset();
    pass(Duration::milli(500));
    EXPECT_EQ(peer.sent_count, 1u); // lost, as on a wire
    EXPECT_EQ(peer.waiting(), 0u);
    EXPECT_EQ(machine.state(), State::Running);
    card.latency = nullptr;
    // What the receiver held is still its own; all other buffers are the device's again.
    EXPECT_EQ(card.room(), 256u);
    ASSERT_TRUE(card.deliver(frame_of(500, 2)));
    turn();
    ASSERT_EQ(peer.held.size(), 2u);
    EXPECT_NE(peer.held[0], peer.held[1]);
    EXPECT_TRUE(peer.send(frame_of(60)));
    turn();
    EXPECT_EQ(card.sent().size(), 1u);
}

// It is found also while nothing is on its way and somebody listens.
TEST_P(NetRecovery, a_silent_card_is_looked_at) {
    device::NetDevice& net = start();
    Peer peer(net);
    u64 resets = card.resets();
    card.faults.no_interrupts = true;
    if (is_legacy(GetParam())) { // knows no other way to fail
        machine.complaints.check_leaks = false;
        card.remove();
    } else {
        card.need_reset();
    }
    pass(Duration::seconds(2));
    if (is_legacy(GetParam()))
        EXPECT_EQ(machine.state(), State::Broken);
    else
        EXPECT_EQ(card.resets(), resets + 1);
}

TEST_P(NetRecovery, a_card_that_sends_nothing_is_reset) {
    device::NetDevice& net = start();
    Peer peer(net);
    u64 resets = card.resets();
    card.faults.never_completes = true;
    for (int i = 0; i < 10; ++i)
        ASSERT_TRUE(peer.send(frame_of(60)));
    pass(Duration::seconds(4));
    EXPECT_EQ(peer.sent_count, 0u);
    EXPECT_EQ(card.resets(), resets);
    pass(Duration::seconds(2));
    EXPECT_EQ(peer.sent_count, 10u);
    EXPECT_EQ(card.resets(), resets + 1);
    card.faults = {};
    ASSERT_TRUE(peer.send(frame_of(60)));
    turn();
    EXPECT_EQ(card.sent().size(), 1u);
    EXPECT_EQ(peer.sent_count, 11u);
}

TEST_P(NetRecovery, sending_from_inside_the_news_of_a_reset) {
    device::NetDevice& net = start();
    Peer peer(net);
    card.faults.never_completes = true;
    unsigned refused = 0;
    peer.on_sent = [&] { refused += !peer.send(frame_of(60)); };
    for (int i = 0; i < 5; ++i)
        ASSERT_TRUE(peer.send(frame_of(60)));
    pass(Duration::seconds(6));
    EXPECT_EQ(refused, 5u);
    peer.on_sent = nullptr;
    EXPECT_TRUE(net.usable());
}

TEST_P(NetRecovery, a_card_that_is_gone) {
    device::NetDevice& net = start();
    machine.complaints.check_leaks = false; // nobody can confirm a reset: what it had is given up
    Peer peer(net);
    ASSERT_TRUE(peer.send(frame_of(60)));
    card.remove();
    pass(Duration::seconds(2));
    EXPECT_EQ(net.usable().error().code, ErrorCode::DeviceBroken);
    EXPECT_FALSE(peer.send(frame_of(60)));
    EXPECT_FALSE(net.link_is_up());
    EXPECT_EQ(peer.waiting(), 0u);
    EXPECT_FALSE(net.set_filter({.promiscuous = true}));
    EXPECT_FALSE(net.set_mac({2, 0, 0, 0, 0, 1}));
    card.insert();
    ASSERT_TRUE(machine.manager.rescan());
    ASSERT_TRUE(net.usable());
    ASSERT_TRUE(card.deliver(frame_of(60)));
    turn();
    EXPECT_EQ(peer.got.size(), 1u);
}

// The hand-over: nothing reaches memory after it, though frames keep coming, and nobody is called any more.
TEST_P(NetRecovery, a_flood_during_hand_over) {
    device::NetDevice& net = start();
    Peer peer(net);
    unsigned sent = 0;
    for (int i = 0; i < 100; ++i)
        sent += peer.send(frame_of(60));
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(card.deliver(frame_of(60)));
    (void)machine.manager.quiesce_all();
    EXPECT_EQ(peer.sent_count, sent);
    EXPECT_EQ(hosted::DmaArena::instance().live_shares(), 0u);
    usize got = peer.got.size();
    for (int i = 0; i < 100; ++i)
        EXPECT_FALSE(card.deliver(frame_of(60)));
    turn();
    EXPECT_EQ(peer.got.size(), got);
    EXPECT_FALSE(peer.send(frame_of(60)));
    EXPECT_FALSE(net.usable());
    EXPECT_EQ(card.status(), 0);
}

TEST_P(NetRecovery, features_wished_off_and_on_under_a_listener) {
    device::NetDevice& net = start();
    Peer peer(net);
    peer.keeps = true;
    unsigned frames = 0;
    for (const char* feature : {"mrg_rxbuf", "guest_csum", "ctrl_vq", "status"}) {
        for (auto wish : {system::FeatureWish::Off, system::FeatureWish::Default}) {
            ASSERT_TRUE(machine.manager.wish(0, feature, wish));
            ASSERT_TRUE(machine.manager.rescan());
            ASSERT_TRUE(net.usable()) << feature;
            ASSERT_TRUE(card.deliver(frame_of(1514)));
            ASSERT_TRUE(peer.send(frame_of(1514)));
            turn();
            EXPECT_EQ(peer.got.size(), ++frames) << feature;
            EXPECT_EQ(card.sent().size(), frames) << feature;
        }
    }
}

TEST_P(NetRecovery, memory_for_buffers_that_is_there_later) {
    device::NetDevice& net = start();
    is_memory_short = true;
    {
        Peer peer(net);
        EXPECT_EQ(net.usable().error().code, ErrorCode::NoMemory);
        EXPECT_FALSE(card.deliver(frame_of(60)));
    }
    EXPECT_TRUE(net.usable());
    is_memory_short = false;
    Peer peer(net);
    EXPECT_TRUE(net.usable());
    EXPECT_TRUE(card.deliver(frame_of(60)));
    turn();
    EXPECT_EQ(peer.got.size(), 1u);
}

// Larger ones are made when nobody has any of the others.
TEST_P(NetRecovery, larger_buffers_than_before) {
    card.set_mtu(9000);
    device::NetDevice& net = start();
    Peer peer(net);
    peer.keeps = true;
    ASSERT_TRUE(card.deliver(frame_of(60)));
    turn();
    ASSERT_EQ(peer.held.size(), 1u);
    ASSERT_TRUE(machine.manager.wish(0, "mrg_rxbuf", system::FeatureWish::Off));
    (void)machine.manager.rescan();
    EXPECT_FALSE(net.usable());
    ASSERT_TRUE(machine.manager.wish(0, "mrg_rxbuf", system::FeatureWish::Default));
    ASSERT_TRUE(machine.manager.rescan());
    EXPECT_TRUE(net.usable());
    peer.give_all_back();
    peer.keeps = false;
    for (auto wish : {system::FeatureWish::Off, system::FeatureWish::Default}) {
        ASSERT_TRUE(machine.manager.wish(0, "mrg_rxbuf", wish));
        ASSERT_TRUE(machine.manager.rescan());
        ASSERT_TRUE(net.usable());
        ASSERT_TRUE(card.deliver(frame_of(9014)));
        turn();
        EXPECT_EQ(peer.got.back().frame, frame_of(9014));
    }
}

// A command that a reset has cut off was not carried out: it is said again, and what its caller hears
// is the answer to that.
TEST_P(NetRecovery, a_command_during_which_the_card_needs_a_reset) {
    if (is_legacy(GetParam()))
        return; // knows no such bit
    device::NetDevice& net = start();
    auto cut_off = [&](auto&& command) {
        card.ignores_commands = true;
        hosted::schedule(500 * hosted::millisecond, [&] {
            card.ignores_commands = false;
            card.need_reset();
        });
        u64 resets = card.resets();
        Result<> done = command();
        EXPECT_EQ(card.resets(), resets + 1);
        return done;
    };
    for (u8 last : {1, 2}) { // a first one, and one after another
        device::MacAddress mac{2, 0, 0, 0, 0, last};
        EXPECT_TRUE(cut_off([&] { return net.set_mac(mac); }));
        EXPECT_EQ(card.address(), mac);
        EXPECT_EQ(net.facts().mac, mac);
    }
    for (bool promiscuous : {true, false}) {
        EXPECT_TRUE(cut_off([&] { return net.set_filter({.promiscuous = promiscuous}); }));
        EXPECT_EQ(card.promiscuous, promiscuous);
    }
}
TEST_P(NetRecovery, a_command_that_the_card_knows_no_more_after_its_reset) {
    if (is_legacy(GetParam()))
        return;
    device::NetDevice& net = start();
    card.ignores_commands = true;
    hosted::schedule(500 * hosted::millisecond, [&] {
        card.offered.remove(Net::ctrl_rx);
        card.need_reset();
    });
    EXPECT_EQ(net.set_mac({2, 0, 0, 0, 0, 1}).error().code, ErrorCode::NotSupported);
    EXPECT_EQ(net.facts().mac, card_mac);
    EXPECT_TRUE(net.usable());
}

TEST_P(NetRecovery, a_queue_alone_is_reset) {
    if (is_legacy(GetParam()) || is_mmio(GetParam()))
        return; // no such feature, or not for sure
    card.offered.add(fake::feature::ring_reset);
    device::NetDevice& net = start();
    ASSERT_TRUE(machine.manager.wish(0, "ring_reset", system::FeatureWish::On));
    ASSERT_TRUE(machine.manager.rescan());
    Peer peer(net);
    u64 resets = card.resets();
    card.faults.never_completes = true;
    unsigned refused = 0;
    peer.on_sent = [&] { refused += !peer.send(frame_of(60)); };
    ASSERT_TRUE(peer.send(frame_of(60)));
    pass(Duration::seconds(6));
    EXPECT_EQ(peer.sent_count, 1u);
    EXPECT_EQ(refused, 1u);
    EXPECT_EQ(card.resets(), resets);
    peer.on_sent = nullptr;
    card.faults = {};
    ASSERT_TRUE(peer.send(frame_of(60)));
    ASSERT_TRUE(card.deliver(frame_of(60)));
    turn();
    EXPECT_EQ(card.sent().size(), 1u);
    EXPECT_EQ(peer.got.size(), 1u);
    EXPECT_EQ(card.room(), 256u);
    // The control queue, too.
    card.ignores_commands = true;
    EXPECT_EQ(net.set_filter({.promiscuous = true}).error().code, ErrorCode::Timeout);
    EXPECT_EQ(card.resets(), resets);
    card.ignores_commands = false;
    EXPECT_TRUE(net.set_filter({.promiscuous = true}));
}

// A queue smaller than all that a driver may wish for. The largest frame fits all the same: a device that has
// one waits until there is room.
TEST_P(NetMachines, small_queues) {
    for (u16 size : {2, 4, 8, 16, 32, 64}) {
        Machine one(GetParam());
        Net& small = plug_card(one);
        for (u16 i = 0; i < 3; ++i)
            small.queue(i).size_max = i == 2 ? std::max<u16>(size, 4) : size;
        one.start();
        ASSERT_TRUE(one.registry.net.find(0)) << size;
        device::NetDevice& net = *one.registry.net.find(0);
        Peer peer(net);
        EXPECT_EQ(small.room(), size);
        usize pieces = std::min(size - 1, 8);
        for (unsigned i = 0; i < 200; ++i) {
            ASSERT_TRUE(small.deliver(frame_of(100, static_cast<u8>(i))));
            ASSERT_TRUE(peer.send(frame_of(800), (800 + pieces - 1) / pieces));
            turn(one);
        }
        EXPECT_EQ(peer.got.size(), 200u);
        EXPECT_EQ(small.sent().size(), 200u);
        ASSERT_TRUE(small.deliver(frame_of(14 + 65535))) << size;
        turn(one);
        EXPECT_EQ(peer.got.back().frame, frame_of(14 + 65535));
        EXPECT_TRUE(net.set_filter({.promiscuous = true}));
        if (size < 9)
            EXPECT_FALSE(peer.send(frame_of(904), 904 / size)); // in more pieces than there are places
        turn(one);
        EXPECT_TRUE(net.usable());
    }
}
// Such a device may want the header apart, which leaves half of the places.
TEST_P(NetMachines, small_queues_of_old_devices) {
    if (!is_legacy(GetParam()))
        return;
    for (u16 size : {2, 4, 16, 32}) {
        Machine one(GetParam());
        Net& small = plug_card(one);
        small.offered.remove(fake::feature::any_layout);
        for (u16 i = 0; i < 3; ++i)
            small.queue(i).size_max = i == 2 ? std::max<u16>(size, 4) : size;
        one.start();
        ASSERT_TRUE(one.registry.net.find(0)) << size;
        Peer peer(*one.registry.net.find(0));
        EXPECT_EQ(small.room(), size / 2);
        ASSERT_TRUE(small.deliver(frame_of(14 + 65535))) << size;
        ASSERT_TRUE(peer.send(frame_of(800)));
        turn(one);
        ASSERT_EQ(peer.got.size(), 1u);
        EXPECT_EQ(peer.got.back().frame, frame_of(14 + 65535));
        EXPECT_EQ(small.sent().size(), 1u);
    }
}
TEST_P(NetMachines, a_queue_that_is_of_no_use) {
    for (u16 index : {0, 1, 2}) {
        for (u16 size : {0, 1}) {
            Machine one(GetParam());
            plug_card(one).queue(index).size_max = size;
            one.start();
            EXPECT_FALSE(one.registry.net.find(0));
            EXPECT_EQ(one.state(), State::Broken);
        }
    }
}

// Whatever else the standard describes may be offered: it is not used.
// covers by not using: net.10, net.11, net.12, net.13, net.14, net.21, net.23, net.25, net.27, net.31, net.36, net.40
// covers by not using: net.45, net.56, net.57, net.58, net.60, net.63, net.67, net.70, net.76, net.93, net.94
// covers by not using: net.95, net.96, net.97, net.105, net.legacy.01, net.legacy.08, net.legacy.09, net.legacy.10
// covers: net.02, net.07, net.135
TEST_P(NetRecovery, only_what_it_needs_is_accepted) {
    for (unsigned bit = 0; bit <= Net::ipsec; ++bit)
        if (bit < 24 || bit >= Net::device_stats)
            card.offered.add(bit);
    card.set_mtu(1500);
    device::NetDevice& net = start();
    constexpr unsigned wanted[] = {Net::csum,         Net::guest_csum, Net::mtu,       Net::mac,
                                   Net::guest_tso4,   Net::guest_tso6, Net::guest_ecn, Net::mrg_rxbuf,
                                   Net::status_field, Net::ctrl_vq,    Net::ctrl_rx,   Net::ctrl_mac_addr};
    for (unsigned bit = 0; bit < 128; ++bit)
        if (bit < 24 || bit >= 50)
            EXPECT_EQ(card.accepted().has(bit), std::ranges::contains(wanted, bit)) << bit;
    Peer peer(net);
    ASSERT_TRUE(card.deliver(frame_of(60)));
    ASSERT_TRUE(peer.send(frame_of(60)));
    turn();
    EXPECT_EQ(peer.got.size(), 1u);
    EXPECT_EQ(card.sent().size(), 1u);
}
// covers: net.135
TEST_P(NetMachines, a_feature_without_what_it_needs) {
    for (auto [missing, gone] :
         {std::pair{Net::guest_csum, std::vector{Net::guest_tso4, Net::guest_tso6, Net::guest_ecn}},
          {Net::mrg_rxbuf, std::vector{Net::guest_tso4, Net::guest_tso6, Net::guest_ecn}},
          {Net::guest_tso4, std::vector{Net::guest_ecn}},
          {Net::ctrl_vq, std::vector{Net::ctrl_rx, Net::ctrl_mac_addr}},
          {Net::ctrl_rx, std::vector{Net::ctrl_mac_addr}}}) {
        Machine one(GetParam());
        Net& poor = plug_card(one);
        poor.offered.remove(missing);
        one.start();
        for (unsigned bit : gone)
            EXPECT_FALSE(poor.accepted().has(bit)) << bit << " without " << missing;
        EXPECT_TRUE(one.registry.net.find(0));
    }
}

// --- what it costs -----------------------------------------------------------------------------------------

class NetBudget : public NetOnBus {
  protected:
    struct Cost {
        u64 doorbells;
        u64 accesses;
    };
    template <typename Work> Cost cost_of(Work&& work) {
        u64 doorbells = machine.session().statistics().doorbells;
        u64 accesses = io::accesses();
        work();
        return {machine.session().statistics().doorbells - doorbells, io::accesses() - accesses};
    }
    static constexpr usize mib = 1 << 20;
};
INSTANTIATE_TEST_SUITE_P(All, NetBudget, on(all_buses), bus_name);
INSTANTIATE_TEST_SUITE_P(Packed, NetBudget, on(packed_buses), bus_name);

// Four MiB in frames of 64 KiB, eight of them (130 buffers) at a time, each answered: a
// doorbell a turn and queue.
TEST_P(NetBudget, large_frames) {
    device::NetDevice& net = start();
    Peer peer(net);
    peer.on_received = [&] { EXPECT_TRUE(peer.send(frame_of(66))); };
    constexpr usize bytes = 65536;
    Cost cost = cost_of([&] {
        for (usize i = 0; i < 4 * mib / bytes; i += 8) {
            for (int n = 0; n < 8; ++n)
                ASSERT_TRUE(card.deliver(frame_of(bytes)));
            machine.loop.poll_once();
        }
    });
    turn();
    EXPECT_EQ(peer.got.size(), 4 * mib / bytes);
    EXPECT_LE(cost.doorbells, 4 * 4u);
    EXPECT_LE(cost.accesses, cost.doorbells + 4);
}
// One MiB in frames of a network without large ones, 64 at a time.
TEST_P(NetBudget, small_frames) {
    device::NetDevice& net = start();
    Peer peer(net);
    Cost cost = cost_of([&] {
        for (int i = 0; i < 11; ++i) {
            for (int n = 0; n < 64; ++n)
                ASSERT_TRUE(card.deliver(frame_of(1514)));
            for (int n = 0; n < 8; ++n)
                ASSERT_TRUE(peer.send(frame_of(66)));
            machine.loop.poll_once();
        }
    });
    turn();
    EXPECT_EQ(peer.got.size(), 704u);
    EXPECT_LE(cost.doorbells, 22u);
    EXPECT_LE(cost.accesses, cost.doorbells + 4);
}
// A transfer that waits for each answer (TFTP without windows): a doorbell a block for each queue (QEMU does
// not even want to hear of the buffers), and nothing else that leaves the processor. Registers, the console
// and clocks come with a turn of the loop, which is put off while there is news.
TEST_P(NetBudget, one_frame_at_a_time) {
    struct Console final : event::Poller { // counts turns
        bool poll() override { return ++turns == 0; }
        bool needs_polling() const override { return false; }
        u64 turns = 0;
    } console;
    device::NetDevice& net = start();
    Peer peer(net);
    constexpr u64 blocks = 1000;
    auto bring = [&] {
        hosted::schedule(20 * hosted::microsecond, [&] { EXPECT_TRUE(card.deliver(frame_of(1514))); });
    };
    peer.on_received = [&] { EXPECT_TRUE(peer.send(frame_of(66))); };
    card.on_sent = [&](const fake::Net::Sent&) {
        if (peer.got.size() < blocks)
            bring();
    };
    turn();
    machine.loop.add(console);
    hosted::set_looks_per_turn(4096);
    bring();
    Cost cost = cost_of([&] {
        ASSERT_TRUE(machine.loop.wait_until(event::Deadline::after(Duration::seconds(5)),
                                            [&] { return peer.got.size() == blocks; }));
    });
    event::EventLoop::remove(console);
    turn();
    EXPECT_LE(cost.doorbells, 2 * blocks);
    EXPECT_LE(cost.accesses, cost.doorbells + 4);
    EXPECT_LE(console.turns, blocks / 32);
}
// Answers find room although what was sent comes back after them, however much that is.
TEST_P(NetBudget, a_burst_behind_a_full_queue) {
    device::NetDevice& net = start();
    Peer peer(net);
    turn();
    for (unsigned already : {256u, 120u, 65u, 60u, 30u}) {
        unsigned sent = 0;
        card.forget_sent();
        card.latency = [](u64) { return hosted::millisecond; };
        while (sent < already && peer.send(frame_of(66)))
            ++sent;
        machine.loop.poll_once();
        // They are sent, and nobody has taken them back.
        for (auto until = event::now() + Duration::milli(2); event::now() < until;)
            arch::relax();
        EXPECT_EQ(card.sent().size(), sent);
        peer.on_received = [&] { sent += peer.send(frame_of(66)); };
        for (int i = 0; i < 100; ++i)
            ASSERT_TRUE(card.deliver(frame_of(1514)));
        unsigned before = sent;
        machine.loop.poll_once();
        EXPECT_EQ(sent, before + 100) << already;
        peer.on_received = nullptr;
        pass(Duration::milli(5));
        EXPECT_EQ(card.sent().size(), sent);
    }
}
// What is sent from outside the loop leaves as soon as somebody waits, not with the next turn.
TEST_P(NetBudget, a_first_frame_is_not_kept_back) {
    device::NetDevice& net = start();
    Peer peer(net);
    turn();
    hosted::set_looks_per_turn(4096);
    machine.loop.poll_once();
    ASSERT_TRUE(peer.send(frame_of(66)));
    auto begun = event::now();
    ASSERT_TRUE(machine.loop.wait_until(event::Deadline::after(Duration::seconds(5)),
                                        [&] { return !card.sent().empty(); }));
    EXPECT_LE((event::now() - begun).microseconds, 50u);
}
// Frames that have left are nobody's news: once their sender is gone, the loop sleeps as if
// there were no card.
TEST_P(NetBudget, who_has_sent_and_gone_keeps_nobody_awake) {
    device::NetDevice& net = start();
    {
        Peer peer(net);
        ASSERT_TRUE(peer.send(frame_of(66)));
        turn();
        peer.stop();
        EXPECT_EQ(peer.waiting(), 0u);
    }
    EXPECT_FALSE(machine.session().needs_polling());
}
// A minute in which nobody sends anything.
TEST_P(NetBudget, waiting) {
    device::NetDevice& net = start();
    Peer peer(net);
    Cost cost = cost_of([&] { pass(Duration::seconds(60)); });
    EXPECT_EQ(cost.doorbells, 0u);
    EXPECT_LE(cost.accesses, 60 * 3u);
}

} // namespace
} // namespace vireo::test
