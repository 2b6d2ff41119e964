// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dma/dma.h"
#include "virtio/ring/ring_format.h"
#include "virtio/wire/virtqueue.h"

namespace vireo::virtio {

// The split virtqueue (section 2.7): how chains are written into shared memory and used ones are read out of
// it. It writes what Queue tells it and never reads back what it wrote; it knows nothing of who owns a
// descriptor.
class SplitRing {
  public:
    SplitRing() = default;
    // Zeroed memory for a ring of `options.size` entries. Errors: NoMemory.
    static Result<SplitRing> create(const RingOptions& options);

    // --- RingFormat (ring_format.h says what each means)
    void suppress_notifications();
    u16 add_direct(u16 id, std::span<const Element> elements);
    u16 add_indirect(u16 id, std::byte* table, dma::BusAddress table_bus,
                     std::span<const dma::Mapping> mappings);
    void publish();
    bool needs_kick();
    Result<std::optional<UsedEntry>> take_used(u16 exposed);
    bool has_used() const { return next_used_ != seen_used_ || used_->idx.load() != next_used_; }
    void skip_used(u16 chains, u16 /*descriptors*/) { next_used_ = static_cast<u16>(next_used_ + chains); }
    RingAddresses addresses() const;
    // The available index: its low 15 bits are next_off, its top bit next_wrap (section 2.9).
    u16 notification_data() const { return published_; }
    void give_back(dma::ConfirmedReset reset) { memory_.give_back(reset); }

  private:
    void make_available(u16 id);
    void keep_notifications_away();
    u16 mask(u16 index) const { return static_cast<u16>(index & (size_ - 1)); }

    dma::Buffer memory_;
    wire::SplitLayout layout_{};
    wire::virtq_desc* descriptors_ = nullptr;
    wire::Shared<u16>* avail_ = nullptr; // flags, idx, ring[size], used_event
    wire::virtq_used_header* used_ = nullptr;
    wire::virtq_used_elem* used_ring_ = nullptr;
    wire::Shared<u16>* avail_event_ = nullptr;

    u16 size_ = 0;
    bool event_index_ = false;
    bool in_order_ = false;
    u16 next_descriptor_ = 0; // in order: the descriptor that the next chain begins at
    u16 next_avail_ = 0;      // where the next chain goes; ahead of `published_` while a batch is being built
    u16 published_ = 0;       // what the device sees as avail.idx
    u16 checked_ = 0;         // published_ at the last needs_kick()
    u16 next_used_ = 0;       // the used entry that comes next
    u16 seen_used_ = 0;       // used.idx when it was last read, validated
    u16 used_event_ = 0;      // what the device sees as used_event
};

} // namespace vireo::virtio
