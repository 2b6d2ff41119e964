// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/math.h"
#include "virtio/wire/shared.h"

// Split virtqueues (section 2.7) and packed ones (section 2.8).
namespace vireo::virtio::wire {

// Sections 2.7 and 2.8: at most 32768 entries; a power of two if split, any number if packed.
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

// Section 2.8.13. Written by the driver (available), then overwritten by the device (used). In an indirect
// table (section 2.8.7) only addr, len and VIRTQ_DESC_F_WRITE count.
struct pvirtq_desc {
    Shared<u64> addr;
    Shared<u32> len;
    Shared<u16> id; // the buffer's: the device gives it back
    Shared<u16> flags;
};
static_assert(sizeof(pvirtq_desc) == 16 && offsetof(pvirtq_desc, len) == 8 &&
              offsetof(pvirtq_desc, id) == 12 && offsetof(pvirtq_desc, flags) == 14);

// Section 2.8.1, beside the flags of section 2.7.5, which the packed ring shares.
inline constexpr u16 VIRTQ_DESC_F_AVAIL = 1 << 7;
inline constexpr u16 VIRTQ_DESC_F_USED = 1 << 15;

// Section 2.8.14. Two 16-bit fields, offset with wrap counter, then flags. They are one value, so they are
// one word here: two loads could join the offset of one state with the flags of another.
struct pvirtq_event_suppress {
    Shared<u32> desc_and_flags;
};
static_assert(sizeof(pvirtq_event_suppress) == 4);

// Section 2.8.10. The 14 bits above are reserved: 0.
inline constexpr u16 RING_EVENT_FLAGS_ENABLE = 0;
inline constexpr u16 RING_EVENT_FLAGS_DISABLE = 1;
inline constexpr u16 RING_EVENT_FLAGS_DESC = 2; // only with VIRTIO_F_EVENT_IDX

constexpr u32 event_suppress(u16 flags, u16 offset_and_wrap) { return u32{flags} << 16 | offset_and_wrap; }
constexpr u16 event_flags(u32 word) { return word >> 16 & 3; }
constexpr u16 event_offset(u32 word) { return word & 0x7fff; }
constexpr bool event_wrap(u32 word) { return (word >> 15 & 1) != 0; }
static_assert(event_suppress(RING_EVENT_FLAGS_DESC, 0x8001) == 0x0002'8001 &&
              event_offset(0x0002'8001) == 1 && event_wrap(0x0002'8001) &&
              event_flags(0x0002'8001) == RING_EVENT_FLAGS_DESC);

// Where a place in a packed ring is said in 16 bits: offset, and the wrap counter on top
// (sections 2.8.14, 2.9).
constexpr u16 offset_and_wrap(u16 offset, bool wrap) { return static_cast<u16>(offset | u32{wrap} << 15); }

// Where the parts of a packed ring lie from the start of its memory. Section 2.8.10.1 asks for 16, 4 and 4
// bytes of alignment; a cache line keeps what we write and what the device writes apart.
struct PackedLayout {
    u32 driver;
    u32 device;
    u32 bytes;

    static constexpr u32 alignment = 64;
    static constexpr PackedLayout of(u32 queue_size) {
        PackedLayout layout{};
        layout.driver = align_up(u32{sizeof(pvirtq_desc)} * queue_size, alignment);
        layout.device = layout.driver + alignment;
        layout.bytes = layout.device + alignment;
        return layout;
    }
};
static_assert(PackedLayout::of(1).driver == 64 && PackedLayout::of(1).device == 128);
static_assert(PackedLayout::of(7).driver == 128 && PackedLayout::of(virtq_max_size).driver == 524288);

} // namespace vireo::virtio::wire
