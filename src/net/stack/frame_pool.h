// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/net_device.h"
#include "net/stack/lwip/lwip.h"

namespace vireo::net {

// lwIP's view of the card's buffers: packets that lwIP reads where the card put them, and gives
// back when it is done.
class FramePool {
  public:
    // Enough for all buffers that a card has; if it has more, what is too much is dropped.
    static constexpr usize capacity = 512;

    FramePool();
    FramePool(const FramePool&) = delete;
    FramePool& operator=(const FramePool&) = delete;

    // The frame without its Ethernet header, as a chain of one packet part for each of its parts; nullptr if
    // it cannot be one (too long, no place). It owns the buffers then; otherwise they stay the caller's.
    pbuf* wrap(device::NetDevice& card, const device::ReceivedFrame& frame);
    // Parts that lwIP holds.
    usize in_use() const { return in_use_; }

  private:
    // Derived, so that the way from lwIP's pointer to ours needs no arithmetic.
    struct Part : pbuf_custom {
        FramePool* pool;
        device::NetDevice* card;
        u16 buffer;
        Part* next_free;
    };
    static void give_back(pbuf* packet);

    Part parts_[capacity];
    Part* free_ = nullptr;
    usize in_use_ = 0;
};

} // namespace vireo::net
