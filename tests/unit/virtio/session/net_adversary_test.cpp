// SPDX-License-Identifier: Apache-2.0
// A network card that does whatever comes to mind, as the disk of adversary_test.cpp does, and frames with
// headers that mean anything. No frame is longer than what was written into its buffers; what the receiver
// holds stays as it is; every frame that was taken ends exactly once; every wait ends; nothing leaks; and
// when the card behaves again it works.
#include "unit/support/mischief.h"
#include "unit/support/net_bench.h"

namespace vireo::test {
namespace {

using event::Duration;
using fake::Net;

// Holds some of what it gets for a while.
class Hoarder final : public device::NetReceiver {
  public:
    Hoarder(device::NetDevice& card, Mind& mind) : card_(card), mind_(mind) { card_.listen(*this); }
    ~Hoarder() {
        card_.stop_listening();
        give_back(0);
        EXPECT_TRUE(waiting_.empty()) << "a frame's end was never told";
    }
    void send(usize bytes, bool in_one_piece = false) {
        if (bytes == 0)
            return;
        u64 cookie = ++last_cookie_;
        Frame& kept = waiting_[cookie] = frame_of(std::max<usize>(bytes, 14));
        kept.resize(bytes);
        device::OutgoingFrame out;
        usize piece = in_one_piece ? bytes : std::max<usize>(1 + mind_.below(bytes), bytes / 8 + 1);
        for (usize at = 0; at < bytes; at += piece)
            ASSERT_TRUE(out.parts.try_push_back(
                std::as_bytes(std::span(kept).subspan(at, std::min(piece, bytes - at)))));
        out.cookie = reinterpret_cast<void*>(static_cast<uptr>(cookie));
        if (!card_.send(out))
            waiting_.erase(cookie);
    }
    void give_back(usize keep) {
        while (held_.size() > keep) {
            EXPECT_TRUE(std::ranges::equal(held_.front().copy, held_.front().part.bytes))
                << "written while held";
            card_.give_back(held_.front().part.buffer);
            held_.pop_front();
        }
    }
    usize frames = 0;
    usize largest_part = 0;

  private:
    struct Held {
        device::ReceivedPart part;
        std::vector<std::byte> copy;
    };
    void received(const device::ReceivedFrame& frame) override {
        ++frames;
        usize bytes = 0;
        for (const device::ReceivedPart& part : frame.parts) {
            EXPECT_FALSE(part.bytes.empty());
            EXPECT_LE(part.bytes.size(), largest_part);
            bytes += part.bytes.size();
            held_.push_back({part, {part.bytes.begin(), part.bytes.end()}});
        }
        EXPECT_EQ(bytes, frame.bytes);
        EXPECT_GE(frame.parts.size(), 1u);
        EXPECT_GE(frame.parts[0].bytes.size(), 14u);
        EXPECT_LE(frame.bytes, 14u + 65535);
        give_back(mind_.below(200));
        if (mind_.one_in(4))
            send(14 + mind_.below(1501));
    }
    void sent(void* cookie) override {
        EXPECT_EQ(waiting_.erase(reinterpret_cast<uptr>(cookie)), 1u);
        if (mind_.one_in(8))
            send(60);
    }
    void link_changed(bool) override {}

    device::NetDevice& card_;
    Mind& mind_;
    std::deque<Held> held_;
    u64 last_cookie_ = 0;
    std::map<u64, Frame> waiting_;
};

class NetLife {
  public:
    NetLife(Bus bus, u64 seed)
        : mind(seed), is_liar(mind.one_in(2)), machine(is_legacy(bus) ? bus : Bus(bus, imagine_rings(mind))) {
        ignore_mischief(machine.complaints, is_liar);
        for (const char* rule : {"net.08", "net.09"})
            machine.complaints.ignore(rule);
        for (const char* rule : {"net.15", "net.16", "net.17", "net.18", "net.44", "net.45", "net.59",
                                 "net.64", "net.65", "net.89", "net.136"})
            if (is_liar)
                machine.complaints.ignore(rule);
        card = &plug_card(machine);
        for (unsigned bit = 0; bit < 24; ++bit)
            if (mind.one_in(8))
                card->offered.remove(bit);
        if (!card->offered.has(Net::mac))
            card->set_mac({});
        if (mind.one_in(4))
            card->set_mtu(static_cast<u16>(mind.below(9001)));
        u16 shortest = mind.one_in(2) ? 16 : 2;
        for (u16 i = 0; i < 3; ++i)
            card->queue(i).size_max =
                std::max<u16>(static_cast<u16>(shortest << mind.below(6)), i == 2 ? 4 : 2);
        // Pages, unless a ring is short or a frame cannot be cut.
        largest_part = shortest == 2 ? 36864 : card->offered.has(Net::mrg_rxbuf) ? 8192 : 12288;
        config = card->config();
        machine.start();
    }

    void go_through() {
        device::NetDevice* net = machine.registry.net.find(0);
        if (!net)
            return;
        Hoarder hoarder(*net, mind);
        hoarder.largest_part = largest_part;
        for (int round = 0; round < 6; ++round)
            endure(*net, hoarder);
        (void)machine.loop.sleep(Duration::seconds(1));
        if (card->faults.gone)
            ignore_return(machine.complaints);
        calm(*card);
        card->answer = nullptr;
        card->ignores_commands = false;
        card->config() = config;
        hoarder.give_back(0);
        for (int i = 0; i < 2; ++i)
            ASSERT_TRUE(machine.manager.rescan());
        // What is stuck is found after five seconds. Receive buffers that it lost are missed by nobody,
        // until somebody resets it.
        (void)machine.loop.sleep(Duration::seconds(7));
        ASSERT_TRUE(machine.manager.reset(0));
        ASSERT_TRUE(net->usable()) << machine.listing(0);
        hoarder.frames = 0;
        card->forget_sent();
        ASSERT_TRUE(card->deliver(frame_of(60, 1, net->facts().mac)))
            << card->room() << " buffers, " << card->filtered << " filtered, " << machine.listing(0);
        hoarder.send(60, true); // more would not fit the shortest ring
        (void)machine.loop.sleep(Duration::milli(10));
        EXPECT_GE(hoarder.frames, 1u) << machine.listing(0);
        EXPECT_GE(card->sent().size(), 1u);
        (void)machine.loop.sleep(Duration::seconds(1)); // for what it sent in turn
    }

  private:
    void endure(device::NetDevice& net, Hoarder& hoarder) {
        run_wild(*card, mind, is_liar);
        card->ignores_commands = mind.one_in(10);
        for (u64 i = mind.below(4); i > 0; --i)
            hosted::schedule(mind.below(20'000) * hosted::microsecond, [this] {
                strike(*card, mind, is_liar);
                if (card->faults.gone)
                    machine.complaints.check_leaks = false;
            });
        u64 begin = hosted::clock_now();
        for (u64 i = 0; i < 30; ++i) {
            for (u64 n = mind.below(15); n > 0; --n)
                bring_frame(net);
            for (u64 n = mind.below(10); n > 0; --n)
                hoarder.send(mind.below(1600));
            (void)machine.loop.sleep(Duration::micro(mind.below(1000)));
        }
        if (mind.one_in(2))
            (void)net.set_filter({.promiscuous = mind.one_in(2)});
        if (mind.one_in(3))
            (void)net.set_mac(host_mac);
        (void)net.link_is_up();
        EXPECT_LT(hosted::clock_now() - begin, 60 * hosted::second);
        if (card->faults.gone && mind.one_in(2)) {
            ignore_return(machine.complaints);
            card->insert();
        }
        if (mind.one_in(2))
            (void)machine.manager.rescan();
    }
    void bring_frame(device::NetDevice& net) {
        usize bytes = mind.one_in(8) ? 14 + mind.below(70'000) : 14 + mind.below(1501);
        if (mind.one_in(2)) {
            card->deliver(frame_of(bytes, 1, net.facts().mac));
        } else if (mind.one_in(8)) {
            card->deliver_raw(std::vector<u8>(mind.below(200), static_cast<u8>(mind.nasty())));
        } else {
            u16 buffers = mind.one_in(2) ? parts_of(bytes) : mind.nasty16();
            card->deliver(frame_of(bytes), Net::Header{.flags = static_cast<u8>(mind.nasty()),
                                                       .gso_type = static_cast<u8>(mind.below(6)),
                                                       .hdr_len = mind.nasty16(),
                                                       .gso_size = mind.nasty16(),
                                                       .csum_start = mind.nasty16(),
                                                       .csum_offset = mind.nasty16(),
                                                       .num_buffers = buffers});
        }
    }

    Mind mind;
    bool is_liar;
    Machine machine;
    Net* card;
    usize largest_part = 0;
    std::vector<u8> config;
};

class NetAdversary : public testing::TestWithParam<Bus> {};
INSTANTIATE_TEST_SUITE_P(All, NetAdversary, on(all_buses), bus_name);

// covers: net.140, net.141
TEST_P(NetAdversary, nothing_that_a_card_does_hurts) {
    for_each_seed(5, GetParam(), [&](u64 seed) { NetLife(GetParam(), seed).go_through(); });
}

} // namespace
} // namespace vireo::test
