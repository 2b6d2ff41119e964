// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/net_device.h"
#include "fuzz/support.h"
#include "net/stack/network.h"
#include "net/stack/sockets.h"
#include "unit/net/stack/packets.h"

#include <deque>
#include <functional>
#include <map>

namespace vireo::fuzz {

using test::packets::Octets;

// A card whose other side is the input. Each received part is an allocation of its own, freed
// when it is given back.
class FuzzedCard final : public device::NetDevice, private event::Poller {
  public:
    explicit FuzzedCard(event::EventLoop& loop) {
        facts_.mac = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
        loop.add(*this);
    }
    ~FuzzedCard() {
        event::EventLoop::remove(*this);
        for (void* cookie : in_flight_)
            sender_->sent(cookie);
        require(held_.empty(), "every buffer is given back");
    }

    std::function<void(const Octets&)> on_send;
    void set_facts(u16 mtu, bool can_checksum) {
        facts_.mtu = mtu;
        facts_.can_checksum = can_checksum;
    }
    void deliver(Octets frame, u16 part_bytes = 4096, bool checksum_is_good = false) {
        if (frame.size() >= 14 && frame.size() <= 65549)
            arriving_.push_back({std::move(frame), std::max<u16>(part_bytes, 14), checksum_is_good});
    }

    void print_name(Writer& out) const override { out.write("fuzz#0"); }
    Result<> usable() override { return {}; }
    bool link_is_up() override { return true; }
    void listen(device::NetReceiver& receiver) override { receiver_ = sender_ = &receiver; }
    void stop_listening() override { receiver_ = nullptr; }
    bool send(const device::OutgoingFrame& frame) override {
        if (in_flight_.size() == 64)
            return false;
        Octets bytes;
        for (Bytes part : frame.parts)
            for (std::byte byte : part)
                bytes.push_back(std::to_integer<u8>(byte));
        require(bytes.size() >= 14 && bytes.size() <= 14u + facts_.mtu, "a frame fits the card");
        require(!frame.checksum || frame.checksum->start + frame.checksum->offset + 2u <= bytes.size(),
                "a checksum lies in its frame");
        in_flight_.push_back(frame.cookie);
        if (on_send)
            on_send(bytes);
        return true;
    }
    void give_back(u16 buffer) override { require(held_.erase(buffer) == 1, "a buffer is given back once"); }
    Result<> set_filter(const device::NetFilter&) override { return error(ErrorCode::NotSupported, "fuzz"); }
    Result<> set_mac(const device::MacAddress&) override { return error(ErrorCode::NotSupported, "fuzz"); }

  private:
    struct Arriving {
        Octets bytes;
        u16 part_bytes;
        bool checksum_is_good;
    };
    bool poll() override {
        bool any = !arriving_.empty() || !in_flight_.empty();
        for (int i = 0; i < 16 && !arriving_.empty() && receiver_; ++i) {
            Arriving next = std::move(arriving_.front());
            arriving_.pop_front();
            hand_over(next);
        }
        for (usize left = in_flight_.size(); left > 0; --left) {
            void* cookie = in_flight_.front();
            in_flight_.pop_front();
            sender_->sent(cookie);
        }
        return any;
    }
    bool needs_polling() const override { return false; }
    bool is_listening() const override { return receiver_ != nullptr; }
    void hand_over(const Arriving& frame) {
        usize count = (frame.bytes.size() + frame.part_bytes - 1) / frame.part_bytes;
        if (count > device::ReceivedFrame::max_parts || held_.size() + count > 256)
            return;
        std::vector<device::ReceivedPart> parts;
        for (usize at = 0; at < frame.bytes.size(); at += frame.part_bytes) {
            usize bytes = std::min<usize>(frame.part_bytes, frame.bytes.size() - at);
            while (held_.contains(next_))
                ++next_;
            auto& buffer = held_[next_];
            buffer.reset(new std::byte[bytes]);
            std::memcpy(buffer.get(), frame.bytes.data() + at, bytes);
            parts.push_back({{buffer.get(), bytes}, next_++});
        }
        receiver_->received({parts, static_cast<u32>(frame.bytes.size()), frame.checksum_is_good});
    }

    device::NetReceiver* receiver_ = nullptr;
    device::NetReceiver* sender_ = nullptr;
    std::deque<Arriving> arriving_;
    std::deque<void*> in_flight_;
    std::map<u16, std::unique_ptr<std::byte[]>> held_;
    u16 next_ = 0;
};

// A network on that card, 10.0.2.15; the other side is 10.0.2.2 and its MAC is known to nobody yet.
struct NetWorld {
    static constexpr u32 ours = 0x0a00020f, theirs = 0x0a000202;
    static constexpr test::packets::Mac mac{0x52, 0x55, 0x0a, 0, 2, 2};

    explicit NetWorld(u16 mtu = 1500, bool can_checksum = false) {
        card.set_facts(mtu, can_checksum);
        VIREO_MUST(network.open(card));
        network.set_ipv4({net::IpAddress::from_v4(ours), net::IpAddress::from_v4(0xffffff00), host});
        card.on_send = [this](const Octets& frame) { answer_arp(frame); };
    }
    void answer_arp(const Octets& frame) {
        using namespace test::packets;
        if (get16(frame, 12) == 0x0806 && frame.size() >= 42 && get16(frame, 20) == 1)
            card.deliver(ethernet(card.facts().mac, mac, 0x0806,
                                  arp(2, mac, get32(frame, 38), card.facts().mac, get32(frame, 28))));
    }
    void send_ip(u8 protocol, const Octets& payload) {
        using namespace test::packets;
        card.deliver(ethernet(card.facts().mac, mac, 0x0800, ipv4(theirs, ours, protocol, payload)));
    }
    void pass(event::Duration time) { (void)loop.sleep(time).has_value(); }

    Surroundings surroundings;
    event::EventLoop loop;
    device::Registry registry;
    net::Network network{loop, registry};
    net::IpAddress host = net::IpAddress::from_v4(theirs);
    FuzzedCard card{loop};

    ~NetWorld() { network.close(); }
};

inline Octets octets(Bytes bytes) {
    Octets result;
    for (std::byte byte : bytes)
        result.push_back(std::to_integer<u8>(byte));
    return result;
}

} // namespace vireo::fuzz
