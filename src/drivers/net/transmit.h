// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "drivers/net/config.h"

namespace vireo::drivers::net {

// The transmit queue: frames on their way out, each with a header of ours before the sender's bytes.
class TransmitQueue {
  public:
    static constexpr u16 most_frames = 256;

    TransmitQueue(virtio::Session& session, device::NetStatistics& statistics)
        : session_(session), statistics_(statistics) {}

    // After each negotiation; `mtu`: what may be sent. Errors: NoMemory.
    Result<> start(const Framing& framing, u16 mtu);
    // The device or the queue was reset: every frame is lost. While its sender is told, nothing can be sent.
    void stop();
    // The queue alone was reset, and will be there again.
    void queue_stopped();

    // Puts a frame into the queue, for commit(); `sender` hears of its end. False: not taken.
    bool send(const device::OutgoingFrame& frame, device::NetReceiver& sender);
    // Tells the senders what has left; true if anything has.
    bool harvest();
    // Shows the device what was put in since the last time.
    void commit();
    bool is_empty() const { return in_flight_ == 0; }
    bool is_half_full() const { return in_flight_ >= room_ / 2; }

  private:
    struct Slot {
        device::NetReceiver* sender = nullptr; // nullptr: free
        void* cookie = nullptr;
        u16 next_free = 0;
    };
    static constexpr u16 no_slot = 0xffff;

    bool build(virtio::Chain& chain, u16 slot, const device::OutgoingFrame& frame);
    bool refuse() {
        ++statistics_.refused;
        return false;
    }
    void free_slot(u16 slot);
    usize header_offset(u16 slot) const { return usize{slot} * sizeof(virtio::wire::virtio_net_hdr); }

    virtio::Session& session_;
    device::NetStatistics& statistics_;
    Framing framing_{};
    u32 longest_ = 0;                // frame
    u16 room_ = 0;                   // for frames of one piece
    dma::Buffer* headers_ = nullptr; // one for each slot; from start() to stop()
    bool is_open_ = false;
    bool uncommitted_ = false;
    u16 first_free_ = no_slot;
    u16 in_flight_ = 0;
    Slot slots_[most_frames];
};

} // namespace vireo::drivers::net
