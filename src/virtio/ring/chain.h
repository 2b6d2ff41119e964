// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dma/dma.h"
#include "virtio/ring/ring_format.h"

namespace vireo::virtio {

class Queue;

// One request under construction: buffers that the device reads, then buffers that it writes (section 2.7.4.2
// allows no other order). Made by Queue::begin, consumed by Queue::submit; dropped before that, it gives its
// room and its buffers back. Must not outlive its Queue or move with it.
class Chain {
  public:
    Chain(Chain&& other) noexcept;
    Chain& operator=(Chain&&) = delete;
    ~Chain();

    // Adds a buffer; its Span is consumed in any case. Errors: TooLarge (more buffers than begin() was asked
    // for, or 4 GiB in total, section 2.7.5.2), InvalidArgument (device-readable after device-writable, or
    // empty).
    Result<> add(dma::Span<dma::ToDevice>&& buffer);
    Result<> add(dma::Span<dma::FromDevice>&& buffer);

    u16 buffers() const { return buffers_; }
    u16 capacity() const { return capacity_; }
    u32 writable_bytes() const { return writable_bytes_; }

  private:
    friend class Queue;
    Chain(Queue& queue, u16 id, u16 capacity) : queue_(&queue), id_(id), last_(id), capacity_(capacity) {}

    Result<> check_room(usize bytes) const;
    template <typename Dir> void append(dma::Span<Dir>&& buffer);

    Queue* queue_; // null once submitted or moved from
    u16 id_;       // the shadow entry it begins at
    u16 last_;     // the shadow entry of the last buffer, when direct
    u16 capacity_;
    u16 buffers_ = 0;
    u32 total_bytes_ = 0;
    u32 writable_bytes_ = 0;
};

} // namespace vireo::virtio
