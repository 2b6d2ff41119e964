// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/net_device.h"
#include "event/event_loop.h"

#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <vector>

namespace vireo::test {

using Frame = std::vector<u8>;

// A network card without a device: frames go to a function, frames come from a queue. Each part of a received
// frame is a piece of the heap of its own that is freed when it is given back, so that AddressSanitizer sees
// whoever reads beyond it or after that; a frame that is sent must stay as it is until it is said to be sent.
class FakeCard final : public device::NetDevice, private event::Poller {
  public:
    explicit FakeCard(event::EventLoop& loop) {
        facts_.mac = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
        loop.add(*this);
    }
    ~FakeCard() {
        event::EventLoop::remove(*this);
        for (InFlight& frame : in_flight_)
            sender_->sent(frame.cookie);
        EXPECT_EQ(buffers_.size(), 0u) << "buffers were never given back";
    }

    struct Sent {
        Frame bytes;
        bool had_checksum_left; // to the card, which has completed it in `bytes`
    };
    std::function<void(const Sent&)> on_send;
    device::NetFacts& change_facts() { return facts_; }
    usize part_bytes = 4096; // frames are cut into parts so long
    usize first_part_bytes = 4096;
    usize room = 256;    // frames that are taken before one is sent
    usize buffers = 256; // parts that can be with the receiver; frames beyond are lost
    usize batch = 64;    // frames for each look
    usize most_held = 0;
    usize lost = 0;
    bool link = true;
    Result<> state{};

    // The frame arrives with the next look at the card.
    void deliver(Frame frame, bool checksum_is_good = false) {
        arriving_.push_back({std::move(frame), checksum_is_good});
    }
    void change_link(bool is_up) {
        link = is_up;
        if (receiver_)
            receiver_->link_changed(is_up);
    }
    usize held() const { return buffers_.size(); }
    usize waiting() const { return arriving_.size(); }

    void print_name(Writer& out) const override { out.write("fake#0"); }
    Result<> usable() override { return state; }
    bool link_is_up() override { return link; }
    void listen(device::NetReceiver& receiver) override {
        receiver_ = sender_ = &receiver;
        arriving_.clear();
    }
    void stop_listening() override { receiver_ = nullptr; }
    bool send(const device::OutgoingFrame& outgoing) override {
        if (in_flight_.size() >= room || !state)
            return false;
        Frame bytes = gather(outgoing);
        EXPECT_GE(bytes.size(), 14u);
        EXPECT_LE(bytes.size(), 14u + facts_.mtu);
        in_flight_.push_back({{}, bytes, outgoing.cookie});
        for (Bytes part : outgoing.parts)
            in_flight_.back().parts.push_back(part);
        if (outgoing.checksum) {
            EXPECT_TRUE(facts_.can_checksum);
            complete(bytes, *outgoing.checksum);
        }
        if (on_send)
            on_send({bytes, outgoing.checksum.has_value()});
        return true;
    }
    void give_back(u16 buffer) override {
        EXPECT_EQ(buffers_.erase(buffer), 1u) << "a buffer was given back twice";
    }
    Result<> set_filter(const device::NetFilter& filter) override {
        groups.assign(filter.multicast.begin(), filter.multicast.end());
        return {};
    }
    Result<> set_mac(const device::MacAddress&) override { return error(ErrorCode::NotSupported, "fake"); }

    std::vector<device::MacAddress> groups;

  private:
    struct Arriving {
        Frame bytes;
        bool checksum_is_good;
    };
    struct InFlight {
        std::vector<Bytes> parts;
        Frame as_given;
        void* cookie;
    };

    bool poll() override {
        if (!receiver_ && in_flight_.empty())
            return false;
        bool any = !arriving_.empty() || !in_flight_.empty();
        for (usize i = 0; i < batch && !arriving_.empty() && receiver_; ++i) {
            Arriving next = std::move(arriving_.front());
            arriving_.pop_front();
            hand_over(next);
        }
        // What is sent from here on goes out with the next look.
        for (usize left = in_flight_.size(); left > 0; --left) {
            InFlight done = std::move(in_flight_.front());
            in_flight_.pop_front();
            Frame now;
            for (Bytes part : done.parts)
                for (std::byte byte : part)
                    now.push_back(std::to_integer<u8>(byte));
            EXPECT_EQ(now, done.as_given) << "a frame was changed before it was sent";
            sender_->sent(done.cookie);
        }
        return any;
    }
    bool needs_polling() const override { return false; }
    bool is_listening() const override { return receiver_ != nullptr; }

    void hand_over(const Arriving& frame) {
        std::vector<device::ReceivedPart> parts;
        usize count = frame.bytes.size() <= first_part_bytes
                          ? 1
                          : 1 + (frame.bytes.size() - first_part_bytes + part_bytes - 1) / part_bytes;
        if (buffers_.size() + count > buffers || count > device::ReceivedFrame::max_parts) {
            ++lost;
            return;
        }
        for (usize at = 0; at < frame.bytes.size();) {
            usize bytes = std::min(at == 0 ? first_part_bytes : part_bytes, frame.bytes.size() - at);
            while (buffers_.contains(next_buffer_))
                ++next_buffer_;
            auto& buffer = buffers_[next_buffer_];
            buffer = std::make_unique<std::byte[]>(bytes);
            std::memcpy(buffer.get(), frame.bytes.data() + at, bytes);
            parts.push_back({{buffer.get(), bytes}, next_buffer_++});
            at += bytes;
        }
        most_held = std::max(most_held, buffers_.size());
        receiver_->received({parts, static_cast<u32>(frame.bytes.size()), frame.checksum_is_good});
    }
    static Frame gather(const device::OutgoingFrame& outgoing) {
        Frame bytes;
        for (Bytes part : outgoing.parts)
            for (std::byte byte : part)
                bytes.push_back(std::to_integer<u8>(byte));
        return bytes;
    }
    // As VIRTIO_NET_HDR_F_NEEDS_CSUM has it.
    static void complete(Frame& frame, device::OutgoingFrame::Checksum where) {
        u32 sum = 0;
        for (usize i = where.start; i < frame.size(); i += 2)
            sum += static_cast<u32>(frame[i] << 8 | (i + 1 < frame.size() ? frame[i + 1] : 0));
        while (sum >> 16)
            sum = (sum & 0xffff) + (sum >> 16);
        frame.at(usize{where.start} + where.offset) = static_cast<u8>(~sum >> 8);
        frame.at(usize{where.start} + where.offset + 1) = static_cast<u8>(~sum);
    }

    device::NetReceiver* receiver_ = nullptr;
    device::NetReceiver* sender_ = nullptr;
    std::deque<Arriving> arriving_;
    std::deque<InFlight> in_flight_;
    std::map<u16, std::unique_ptr<std::byte[]>> buffers_;
    u16 next_buffer_ = 0;
};

} // namespace vireo::test
