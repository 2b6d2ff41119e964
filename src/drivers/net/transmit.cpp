// SPDX-License-Identifier: Apache-2.0
#include "drivers/net/transmit.h"

namespace vireo::drivers::net {

using namespace virtio;
using namespace virtio::wire;
using device::OutgoingFrame;

namespace {

constexpr u32 ethernet_bytes = 14;

} // namespace

Result<> TransmitQueue::start(const Framing& framing, u16 mtu) {
    framing_ = framing;
    longest_ = ethernet_bytes + mtu;
    room_ = std::min(most_frames, session_.queue(transmit_queue).capacity(2));
    headers_ = VIREO_TRY(session_.share(most_frames * sizeof(virtio_net_hdr), 64));
    first_free_ = no_slot;
    for (u16 i = 0; i < most_frames; ++i)
        slots_[i] = {.next_free = std::exchange(first_free_, i)};
    in_flight_ = 0;
    is_open_ = true;
    return {};
}

void TransmitQueue::stop() {
    is_open_ = false;
    uncommitted_ = false;
    for (u16 i = 0; i < most_frames; ++i) {
        Slot& slot = slots_[i];
        if (!slot.sender)
            continue;
        device::NetReceiver& sender = *slot.sender;
        free_slot(i);
        sender.sent(slot.cookie);
    }
}

void TransmitQueue::queue_stopped() {
    stop();
    is_open_ = true;
}

bool TransmitQueue::send(const OutgoingFrame& frame, device::NetReceiver& sender) {
    u32 bytes = 0;
    for (Bytes part : frame.parts)
        bytes += static_cast<u32>(part.size());
    // Section 5.1.4.2: nothing longer than the MTU allows, whatever a caller thinks.
    if (!is_open_ || first_free_ == no_slot || bytes < ethernet_bytes || bytes > longest_)
        return refuse();
    Queue& queue = session_.queue(transmit_queue);
    auto buffers = static_cast<u16>(1 + frame.parts.size());
    if (buffers > queue.max_chain())
        return refuse();
    auto chain = queue.begin(buffers);
    u16 slot = first_free_;
    if (!chain || !build(*chain, slot, frame))
        return refuse();
    queue.submit(std::move(*chain), slot);
    first_free_ = slots_[slot].next_free;
    slots_[slot].sender = &sender;
    slots_[slot].cookie = frame.cookie;
    ++in_flight_;
    uncommitted_ = true;
    ++statistics_.frames_sent;
    statistics_.bytes_sent += bytes;
    return true;
}

// Fails only for want of shared memory.
bool TransmitQueue::build(Chain& chain, u16 slot, const OutgoingFrame& frame) {
    virtio_net_hdr header{}; // num_buffers is 0 and gso_type NONE (sections 5.1.9.2 and 5.1.9.2.1)
    if (frame.checksum) {
        VIREO_ASSERT(session_.has(VIRTIO_NET_F_CSUM));
        header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header.csum_start = frame.checksum->start;
        header.csum_offset = frame.checksum->offset;
    }
    std::memcpy(headers_->data() + header_offset(slot), &header, sizeof(header));
    if (!chain.add(headers_->part<dma::ToDevice>(header_offset(slot), framing_.header_bytes)))
        return false;
    for (Bytes part : frame.parts) {
        auto shared = dma::share_to_device(part);
        if (!shared || !chain.add(std::move(*shared)))
            return false;
    }
    return true;
}

bool TransmitQueue::harvest() {
    bool any = false;
    while (in_flight_ > 0) {
        // A lying device says too much here; the queue finds that out. How much it "wrote" is of no
        // interest (section 5.1.9.1).
        auto done = session_.queue(transmit_queue).harvest();
        if (!done)
            break;
        any = true;
        Slot slot = slots_[done->token];
        free_slot(done->token);
        slot.sender->sent(slot.cookie); // may send again
    }
    return any;
}

void TransmitQueue::commit() {
    if (std::exchange(uncommitted_, false))
        session_.commit(transmit_queue);
}

void TransmitQueue::free_slot(u16 slot) {
    slots_[slot].sender = nullptr;
    slots_[slot].next_free = std::exchange(first_free_, slot);
    --in_flight_;
}

} // namespace vireo::drivers::net
