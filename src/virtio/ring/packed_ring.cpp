// SPDX-License-Identifier: Apache-2.0
#include "virtio/ring/packed_ring.h"

#include "dma/barriers.h"

namespace vireo::virtio {

static_assert(RingFormat<PackedRing>);

using namespace wire;

Result<PackedRing> PackedRing::create(const RingOptions& options) {
    VIREO_ASSERT(options.size >= 1 && options.size <= virtq_max_size && !options.contiguous);
    PackedRing ring;
    ring.layout_ = PackedLayout::of(options.size);
    // Zeroed, which section 2.8.13 demands: with both wrap counters at 1 nothing is available
    // and nothing used.
    ring.memory_ = VIREO_TRY(dma::Buffer::create(ring.layout_.bytes, PackedLayout::alignment));
    std::byte* base = ring.memory_.data();
    ring.descriptors_ = overlay<pvirtq_desc>(base);
    ring.driver_event_ = overlay<pvirtq_event_suppress>(base + ring.layout_.driver);
    ring.device_event_ = overlay<pvirtq_event_suppress>(base + ring.layout_.device);
    ring.size_ = options.size;
    ring.event_index_ = options.event_index;
    return ring;
}

// Unlike in a split ring, DISABLE holds with EVENT_IDX too, and for good: no event is farther
// away (section 2.8.10).
void PackedRing::suppress_notifications() {
    driver_event_->desc_and_flags.store(event_suppress(RING_EVENT_FLAGS_DISABLE, 0));
}

RingAddresses PackedRing::addresses() const {
    return {memory_.bus(), memory_.bus() + layout_.driver, memory_.bus() + layout_.device};
}

void PackedRing::advance(Position& position, u16 descriptors) const {
    u32 offset = u32{position.offset} + descriptors; // never more than one lap
    if (offset >= size_) {
        offset -= size_;
        position.wrap = !position.wrap;
    }
    position.offset = static_cast<u16>(offset);
}

// The device may look at one place only, the one after what it took last (section 2.8.2). As long as the
// flags there are held back, nothing behind it is available, whatever its flags say: so one barrier and one
// store publish a batch. What lies there until then is of the lap before and not available in this one.
void PackedRing::add_descriptor(u16 id, dma::BusAddress address, u32 bytes, u16 flags) {
    pvirtq_desc& descriptor = descriptors_[next_.offset];
    descriptor.addr.store(address.value);
    descriptor.len.store(bytes);
    descriptor.id.store(id); // in each descriptor of a list: section 2.8.6 needs it in the last
    flags |= next_.wrap ? VIRTQ_DESC_F_AVAIL : VIRTQ_DESC_F_USED;
    if (batch_ == 0)
        first_flags_ = flags;
    else
        descriptor.flags.store(flags);
    ++batch_;
    advance(next_, 1);
}

u16 PackedRing::add_direct(u16 id, std::span<const Element> elements) {
    for (u16 index = id; index != Element::no_element;) {
        const Element& element = elements[index];
        u16 flags = direction_flag(element.mapping);
        if (element.next != Element::no_element)
            flags |= VIRTQ_DESC_F_NEXT;
        add_descriptor(id, element.mapping.bus, element.mapping.bytes, flags);
        index = element.next;
    }
    return id;
}

u16 PackedRing::add_indirect(u16 id, std::byte* table, dma::BusAddress table_bus,
                             std::span<const dma::Mapping> mappings) {
    auto* entries = overlay<pvirtq_desc>(table);
    for (usize i = 0; i < mappings.size(); ++i) {
        entries[i].addr.store(mappings[i].bus.value);
        entries[i].len.store(mappings[i].bytes);
        entries[i].id.store(0);
        // No other flag, not even NEXT: the table's length is the list's (section 2.8.19).
        entries[i].flags.store(direction_flag(mappings[i]));
    }
    add_descriptor(id, table_bus, static_cast<u32>(mappings.size() * sizeof(pvirtq_desc)),
                   VIRTQ_DESC_F_INDIRECT);
    return id;
}

void PackedRing::publish() {
    if (batch_ == 0)
        return;
    dma::before_publishing();
    descriptors_[published_.offset].flags.store(first_flags_);
    published_ = next_;
    unchecked_ = std::min(unchecked_ + batch_, 2u * size_);
    batch_ = 0;
}

bool PackedRing::needs_kick() {
    if (unchecked_ == 0)
        return false;
    dma::before_suppression_check();
    u32 descriptors = std::exchange(unchecked_, 0);
    u32 event = device_event_->desc_and_flags.load();
    switch (event_flags(event)) {
    case RING_EVENT_FLAGS_DISABLE:
        return false;
    case RING_EVENT_FLAGS_DESC:
        // Without EVENT_IDX, and for a place outside the ring, it has no meaning: then rather once too often.
        return !event_index_ || event_offset(event) >= size_ ||
               passed(descriptors, {event_offset(event), event_wrap(event)});
    default: // ENABLE, or the reserved value
        return true;
    }
}

// Whether `wanted` is one of the last `descriptors` that were published: the whole batch counts, not its last
// descriptor only. Two laps, one with the wrap counter at 1 and one at 0, number the places that there are.
bool PackedRing::passed(u32 descriptors, Position wanted) const {
    auto number = [this](Position at) { return at.wrap ? u32{at.offset} : u32{at.offset} + size_; };
    u32 laps = 2u * size_;
    u32 behind = number(published_) + laps - 1 - number(wanted);
    return (behind >= laps ? behind - laps : behind) < descriptors;
}

// Section 2.8.1: used, when both flags are what our wrap counter is.
bool PackedRing::is_used(u16 flags) const {
    u16 used = next_used_.wrap ? VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED : 0;
    return (flags & (VIRTQ_DESC_F_AVAIL | VIRTQ_DESC_F_USED)) == used;
}

bool PackedRing::has_used() const { return is_used(descriptors_[next_used_.offset].flags.load()); }

Result<std::optional<UsedEntry>> PackedRing::take_used(u16 exposed) {
    if (exposed == 0)
        return std::optional<UsedEntry>{};
    const pvirtq_desc& descriptor = descriptors_[next_used_.offset];
    u16 flags = descriptor.flags.load();
    if (!is_used(flags))
        return std::optional<UsedEntry>{};
    dma::before_used_entry();
    // A used descriptor without WRITE says that nothing was written, and its length is reserved (section
    // 2.8.4). But QEMU never sets WRITE, and puts the length there all the same: so a device is taken by its
    // word only once it has shown that it knows the flag (decision 0016).
    bool has_length = (flags & VIRTQ_DESC_F_WRITE) != 0;
    marks_written_ = marks_written_ || has_length;
    return std::optional(UsedEntry{.id = descriptor.id.load(),
                                   .bytes = marks_written_ && !has_length ? 0 : descriptor.len.load(),
                                   .most_chains = exposed,
                                   .has_length = has_length});
}

} // namespace vireo::virtio
