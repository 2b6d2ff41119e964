// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/fakes/net.h"
#include "unit/support/machine.h"

namespace vireo::test {

using Frame = fake::Net::Frame;

inline constexpr device::MacAddress card_mac{0x52, 0x54, 0, 0x12, 0x34, 0x56};
inline constexpr device::MacAddress host_mac{0x52, 0x55, 0x0a, 0, 2, 2};
inline constexpr device::MacAddress everybody{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// An Ethernet frame of `bytes` in all, whose payload tells frames and positions apart.
inline Frame frame_of(usize bytes, u8 seed = 1, const device::MacAddress& to = card_mac) {
    Frame frame(bytes);
    std::copy(to.begin(), to.end(), frame.begin());
    std::copy(host_mac.begin(), host_mac.end(), frame.begin() + 6);
    frame[12] = 0x88; // an experimental type: nobody looks for checksums in it
    frame[13] = 0xb5;
    for (usize i = 14; i < bytes; ++i)
        frame[i] = static_cast<u8>(seed + i * 7 + (i >> 8));
    return frame;
}

// Who listens to a card, and sends through it.
class Peer : public device::NetReceiver {
  public:
    struct Got {
        Frame frame;
        usize parts;
        bool checksum_is_good;
    };
    explicit Peer(device::NetDevice& card) : card_(card) { card_.listen(*this); }
    ~Peer() {
        if (listens_)
            stop();
        give_all_back();
        for (auto& [cookie, bytes] : waiting_)
            ADD_FAILURE() << "frame " << cookie << " was sent and its end never told";
    }
    void stop() {
        card_.stop_listening();
        listens_ = false;
    }

    // Sends bytes cut into pieces of so many; false if the card does not take them.
    bool send(const Frame& frame, usize piece = 65536,
              std::optional<device::OutgoingFrame::Checksum> checksum = std::nullopt) {
        auto cookie = ++last_cookie_;
        Frame& kept = waiting_[cookie] = frame; // a map: it stays in place
        device::OutgoingFrame out;
        for (usize at = 0; at < kept.size(); at += piece)
            EXPECT_TRUE(out.parts.try_push_back(
                std::as_bytes(std::span(kept).subspan(at, std::min(piece, kept.size() - at)))));
        out.cookie = reinterpret_cast<void*>(cookie);
        out.checksum = checksum;
        if (card_.send(out))
            return true;
        waiting_.erase(cookie);
        return false;
    }
    void give_all_back() {
        for (u16 buffer : held)
            card_.give_back(buffer);
        held.clear();
    }

    std::vector<Got> got;
    std::vector<bool> links;
    u64 sent_count = 0;
    bool keeps = false;    // does not give buffers back
    std::vector<u16> held; // what it kept
    std::function<void()> on_received;
    std::function<void()> on_sent;
    usize waiting() const { return waiting_.size(); }

  private:
    void received(const device::ReceivedFrame& frame) override {
        EXPECT_TRUE(listens_) << "a frame although nobody listens";
        Got& one = got.emplace_back(Frame{}, frame.parts.size(), frame.checksum_is_good);
        EXPECT_GE(frame.parts[0].bytes.size(), 14u);
        EXPECT_EQ((reinterpret_cast<uptr>(frame.parts[0].bytes.data()) + 14) % 4, 0u);
        for (const device::ReceivedPart& part : frame.parts) {
            auto* bytes = reinterpret_cast<const u8*>(part.bytes.data());
            one.frame.insert(one.frame.end(), bytes, bytes + part.bytes.size());
            EXPECT_FALSE(part.bytes.empty());
            if (keeps)
                held.push_back(part.buffer);
            else
                card_.give_back(part.buffer);
        }
        EXPECT_EQ(one.frame.size(), frame.bytes);
        EXPECT_LE(frame.bytes, 14u + 65535);
        if (on_received)
            on_received();
    }
    void sent(void* cookie) override {
        EXPECT_EQ(waiting_.erase(reinterpret_cast<uptr>(cookie)), 1u) << "told twice, or never sent";
        ++sent_count;
        if (on_sent)
            on_sent();
    }
    void link_changed(bool is_up) override { links.push_back(is_up); }

    device::NetDevice& card_;
    bool listens_ = true;
    uptr last_cookie_ = 0;
    std::map<uptr, Frame> waiting_;
};

inline fake::Net& plug_card(Machine& machine, const device::MacAddress& mac = card_mac) {
    static int count = 0;
    return machine.plug(std::make_unique<fake::Net>("net" + std::to_string(count++), mac));
}

// Of a frame with its header of 12 bytes, in pages that begin at an offset of 2.
inline u16 parts_of(usize bytes) { return static_cast<u16>((bytes + 12 + 4093) / 4094); }

// A few turns of the loop.
inline void turn(Machine& machine) {
    for (int i = 0; i < 4; ++i)
        machine.loop.poll_once();
}

// Tests that make their own machines, one after the other.
class NetMachines : public testing::TestWithParam<Bus> {};

// A machine with one card.
class NetOnBus : public OnBus {
  protected:
    device::NetDevice& start() {
        machine.start();
        device::NetDevice* found = machine.registry.net.find(0);
        EXPECT_TRUE(found);
        return *found;
    }
    void turn() { test::turn(machine); }
    void pass(event::Duration time) { ASSERT_TRUE(machine.loop.sleep(time)); }
    fake::Net& card = plug_card(machine);
};

} // namespace vireo::test
