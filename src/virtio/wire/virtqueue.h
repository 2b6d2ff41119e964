// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/math.h"
#include "virtio/wire/shared.h"

// Split virtqueues (section 2.7).
namespace vireo::virtio::wire {

// Section 2.7: "The maximum Queue Size value is 32768", always a power of two.
inline constexpr u32 virtq_max_size = 32768;

// Section 2.7.5. The device never writes it; the driver writes it before the chain is published and not again
// until the device has used it.
struct virtq_desc {
    Shared<u64> addr;
    Shared<u32> len;
    Shared<u16> flags;
    Shared<u16> next;
};
static_assert(sizeof(virtq_desc) == 16 && offsetof(virtq_desc, len) == 8 &&
              offsetof(virtq_desc, flags) == 12 && offsetof(virtq_desc, next) == 14);

inline constexpr u16 VIRTQ_DESC_F_NEXT = 1;
inline constexpr u16 VIRTQ_DESC_F_WRITE = 2;
inline constexpr u16 VIRTQ_DESC_F_INDIRECT = 4;

// Section 2.7.6: flags, idx, ring[Queue Size], used_event. All 16 bits wide, so it is laid out as one array.
inline constexpr u32 avail_flags = 0;
inline constexpr u32 avail_idx = 1;
inline constexpr u32 avail_ring = 2;
constexpr u32 avail_used_event(u32 queue_size) { return avail_ring + queue_size; }

inline constexpr u16 VIRTQ_AVAIL_F_NO_INTERRUPT = 1;

// Section 2.7.8: flags, idx, ring[Queue Size] of elements, avail_event.
struct virtq_used_elem {
    Shared<u32> id; // 32 bits "for padding reasons": only values below the queue size make sense
    Shared<u32> len;
};
static_assert(sizeof(virtq_used_elem) == 8 && offsetof(virtq_used_elem, len) == 4);

struct virtq_used_header {
    Shared<u16> flags;
    Shared<u16> idx;
};
static_assert(sizeof(virtq_used_header) == 4);

inline constexpr u16 VIRTQ_USED_F_NO_NOTIFY = 1;

// Where the parts of a ring lie from the start of its memory.
struct SplitLayout {
    u32 avail;
    u32 used;
    u32 avail_event;
    u32 bytes;

    // `used_alignment` is 4 or more; for the legacy interface it is Queue Align, and the three parts and the
    // padding between them are then exactly the block that section 2.7.2 prescribes (whose ALIGN macro, taken
    // literally, rounds with the wrong mask: round-up is meant).
    static constexpr SplitLayout of(u32 queue_size, u32 used_alignment) {
        SplitLayout layout{};
        layout.avail = sizeof(virtq_desc) * queue_size;
        u32 avail_bytes = sizeof(u16) * (3 + queue_size);
        layout.used = align_up(layout.avail + avail_bytes, used_alignment);
        layout.avail_event = layout.used + sizeof(virtq_used_header) + sizeof(virtq_used_elem) * queue_size;
        layout.bytes = align_up(layout.avail_event + u32{sizeof(u16)}, used_alignment);
        return layout;
    }
};
inline constexpr u32 legacy_queue_align = 4096;

// The sizes that the legacy formula gives for queues of 128, 256 and 1024 entries, and the modern minimum of
// section 2.7.
static_assert(SplitLayout::of(128, legacy_queue_align).used == 4096 &&
              SplitLayout::of(128, legacy_queue_align).bytes == 8192);
static_assert(SplitLayout::of(256, legacy_queue_align).used == 8192 &&
              SplitLayout::of(256, legacy_queue_align).bytes == 12288);
static_assert(SplitLayout::of(1024, legacy_queue_align).used == 20480 &&
              SplitLayout::of(1024, legacy_queue_align).bytes == 32768);
static_assert(SplitLayout::of(1, 4).avail == 16 && SplitLayout::of(1, 4).used == 24 &&
              SplitLayout::of(1, 4).bytes == 40);

} // namespace vireo::virtio::wire
