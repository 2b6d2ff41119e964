// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dma/dma.h"
#include "virtio/ring/ring_format.h"
#include "virtio/wire/virtqueue.h"

namespace vireo::virtio {

// The packed virtqueue (section 2.8): one ring of descriptors in which we make chains available and the
// device overwrites them with used ones. Like SplitRing it writes what Queue tells it and never reads back
// what it wrote; how many descriptors a used chain took comes from Queue's shadow, never from the ring.
class PackedRing {
  public:
    PackedRing() = default;
    // Zeroed memory for a ring of `options.size` entries, which need be no power of two. Errors: NoMemory.
    static Result<PackedRing> create(const RingOptions& options);

    // --- RingFormat (ring_format.h says what each means)
    void suppress_notifications();
    u16 add_direct(u16 id, std::span<const Element> elements);
    u16 add_indirect(u16 id, std::byte* table, dma::BusAddress table_bus,
                     std::span<const dma::Mapping> mappings);
    void publish();
    bool needs_kick();
    Result<std::optional<UsedEntry>> take_used(u16 exposed);
    bool has_used() const;
    void skip_used(u16 /*chains*/, u16 descriptors) { advance(next_used_, descriptors); }
    RingAddresses addresses() const;
    u16 notification_data() const { return wire::offset_and_wrap(published_.offset, published_.wrap); }
    void give_back(dma::ConfirmedReset reset) { memory_.give_back(reset); }

  private:
    bool is_used(u16 flags) const;
    // A place in the ring, and the wrap counter of whoever stands there (section 2.8.1).
    struct Position {
        u16 offset = 0;
        bool wrap = true;
    };
    void advance(Position& position, u16 descriptors) const;
    void add_descriptor(u16 id, dma::BusAddress address, u32 bytes, u16 flags);
    bool passed(u32 descriptors, Position wanted) const;

    dma::Buffer memory_;
    wire::PackedLayout layout_{};
    wire::pvirtq_desc* descriptors_ = nullptr;
    wire::pvirtq_event_suppress* driver_event_ = nullptr;
    wire::pvirtq_event_suppress* device_event_ = nullptr;

    u16 size_ = 0;
    bool event_index_ = false;
    // the device has set VIRTQ_DESC_F_WRITE in a used descriptor: see take_used()
    bool marks_written_ = false;
    Position next_;      // where the next descriptor goes; ahead of `published_` while a batch is being built
    Position published_; // how far the device can see, which is the head whose flags are held back
    u16 batch_ = 0;      // descriptors between the two
    u16 first_flags_ = 0; // the flags held back
    u32 unchecked_ = 0;   // descriptors published since the last needs_kick(); two laps stand for all
    Position next_used_;  // where the device writes the next used descriptor
};

} // namespace vireo::virtio
