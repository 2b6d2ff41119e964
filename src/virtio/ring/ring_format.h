// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dma/dma.h"
#include "virtio/wire/virtqueue.h"

namespace vireo::virtio {

// What a ring is made with. Session derives it from what was negotiated.
struct RingOptions {
    u16 size = 0;             // entries, up to 32768; for a split ring a power of two
    bool contiguous = false;  // one page-aligned block of the legacy layout instead of the modern one
    bool event_index = false; // VIRTIO_F_EVENT_IDX was accepted
    bool in_order = false;    // VIRTIO_F_IN_ORDER was accepted: chains take consecutive entries
    bool packed = false;      // VIRTIO_F_RING_PACKED was accepted: the format of section 2.8
};

// One entry of the private shadow (see Queue): a buffer of a chain, and the entry that comes after it.
struct Element {
    dma::Mapping mapping;
    u16 next = no_element;
    static constexpr u16 no_element = 0xffff;
};

// Where the device finds the ring: descriptor area, driver area, device area (section 2.6).
struct RingAddresses {
    dma::BusAddress descriptors;
    dma::BusAddress driver;
    dma::BusAddress device;
};

// What the device wrote when it used a chain: read once, not validated.
struct UsedEntry {
    u32 id;
    u32 bytes;
    // How many chains it may stand for, in order, when VIRTIO_F_IN_ORDER was accepted
    // (sections 2.7.9 and 2.8.8).
    u16 most_chains;
    // False: the standard says nothing about `bytes`, so they prove nothing against the device.
    bool has_length;
};

// The flag that says who writes a buffer: the same in both formats (sections 2.7.5 and 2.8.5).
inline u16 direction_flag(const dma::Mapping& mapping) {
    return mapping.direction == dma::Direction::FromDevice ? wire::VIRTQ_DESC_F_WRITE : u16{0};
}

// What Queue needs of a virtqueue format; SplitRing and PackedRing are the two. Queue counts: it never adds
// more entries than are free, and says with skip_used() which are free again.
template <typename T>
concept RingFormat =
    requires(T ring, const T& const_ring, u16 id, std::span<const Element> elements, std::byte* table,
             dma::BusAddress bus, std::span<const dma::Mapping> mappings, dma::ConfirmedReset reset) {
        // Asks the device to send no used buffer notifications: Vireo polls. The device knows the ring
        // already (its memory is all zero when it is enabled, section 4.2.3.2).
        { ring.suppress_notifications() } -> std::same_as<void>;
        // Adds the chain that begins at elements[id] and follows `next`; the device does not see
        // it yet. Gives the id under which the device will give it back: `id` itself, unless
        // chains are used in order.
        { ring.add_direct(id, elements) } -> std::same_as<u16>;
        // Adds a chain as one entry that refers to `table`, into which its descriptors are written.
        { ring.add_indirect(id, table, bus, mappings) } -> std::same_as<u16>;
        // Shows the device everything added so far, with one barrier.
        { ring.publish() } -> std::same_as<void>;
        // Whether the device wants to be told about what was published since the last call.
        // Full barrier inside.
        { ring.needs_kick() } -> std::same_as<bool>;
        // The next used entry, if the device has used one. `exposed` is how many published chains it has not
        // used yet: more progress than that is DeviceBroken. The same entry comes again until it is skipped.
        { ring.take_used(id) } -> std::same_as<Result<std::optional<UsedEntry>>>;
        // Whether there seems to be one, which costs less; only if something is exposed.
        { const_ring.has_used() } -> std::same_as<bool>;
        // That entry stood for so many chains, which took so many entries of the ring.
        { ring.skip_used(id, id) } -> std::same_as<void>;
        { const_ring.addresses() } -> std::same_as<RingAddresses>;
        // What a notification carries in its upper half with VIRTIO_F_NOTIFICATION_DATA: where the next chain
        // goes, as published (section 2.9).
        { const_ring.notification_data() } -> std::same_as<u16>;
        // Frees the ring's memory. Without that it is left to the device.
        { ring.give_back(reset) } -> std::same_as<void>;
    };

} // namespace vireo::virtio
