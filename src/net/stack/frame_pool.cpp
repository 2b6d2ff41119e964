// SPDX-License-Identifier: Apache-2.0
#include "net/stack/frame_pool.h"

namespace vireo::net {

FramePool::FramePool() : parts_() {
    for (Part& part : parts_) {
        part.custom_free_function = give_back;
        part.pool = this;
        part.next_free = std::exchange(free_, &part);
    }
}

pbuf* FramePool::wrap(device::NetDevice& card, const device::ReceivedFrame& frame) {
    usize total = frame.bytes - SIZEOF_ETH_HDR;
    // lwIP counts a packet's bytes in 16 bits. That the parts add up is the driver's promise.
    if (total == 0 || total > 0xffff || frame.parts.size() > capacity - in_use_)
        return nullptr;
    // From the last to the first: each one's tot_len is its own length and that of those behind it.
    pbuf* chain = nullptr;
    usize behind = 0;
    for (usize i = frame.parts.size(); i-- > 0;) {
        const device::ReceivedPart& received = frame.parts[i];
        Bytes bytes = received.bytes.subspan(i == 0 ? SIZEOF_ETH_HDR : 0);
        Part& part = *std::exchange(free_, free_->next_free);
        ++in_use_;
        part.card = &card;
        part.buffer = received.buffer;
        // lwIP turns the fields of some headers into the machine's byte order in place: the buffer is ours
        // until we give it back, and nobody reads it after that.
        void* payload = const_cast<std::byte*>(bytes.data());
        auto length = static_cast<u16>(bytes.size());
        pbuf* packet = pbuf_alloced_custom(PBUF_RAW, length, PBUF_REF, &part, payload, length);
        behind += bytes.size();
        packet->next = chain;
        packet->tot_len = static_cast<u16>(behind);
        chain = packet;
    }
    return chain;
}

void FramePool::give_back(pbuf* packet) {
    Part& part = *static_cast<Part*>(static_cast<pbuf_custom*>(static_cast<void*>(packet)));
    FramePool& pool = *part.pool;
    part.next_free = std::exchange(pool.free_, &part);
    --pool.in_use_;
    part.card->give_back(part.buffer);
}

} // namespace vireo::net
