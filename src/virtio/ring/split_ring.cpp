// SPDX-License-Identifier: Apache-2.0
#include "virtio/ring/split_ring.h"

#include "dma/barriers.h"

namespace vireo::virtio {

static_assert(RingFormat<SplitRing>);

namespace {

using namespace wire;

// A modern device takes the parts at any address of their alignment (16, 2, 4: section 2.7); a cache line
// keeps what we write and what the device writes apart.
constexpr u32 modern_alignment = 64;

void write_descriptor(virtq_desc& descriptor, dma::BusAddress address, u32 bytes, u16 flags, u16 next) {
    descriptor.addr.store(address.value);
    descriptor.len.store(bytes);
    descriptor.flags.store(flags);
    descriptor.next.store(next);
}

} // namespace

Result<SplitRing> SplitRing::create(const RingOptions& options) {
    VIREO_ASSERT(std::has_single_bit(options.size) && options.size <= virtq_max_size);
    u32 alignment = options.contiguous ? legacy_queue_align : modern_alignment;

    SplitRing ring;
    ring.layout_ = SplitLayout::of(options.size, alignment);
    // Zeroed, which section 2.7.10.1 demands of used.flags, and every index starts at 0.
    ring.memory_ = VIREO_TRY(dma::Buffer::create(ring.layout_.bytes, alignment));
    std::byte* base = ring.memory_.data();
    ring.descriptors_ = overlay<virtq_desc>(base);
    ring.avail_ = overlay<Shared<u16>>(base + ring.layout_.avail);
    ring.used_ = overlay<virtq_used_header>(base + ring.layout_.used);
    ring.used_ring_ = overlay<virtq_used_elem>(base + ring.layout_.used + sizeof(virtq_used_header));
    ring.avail_event_ = overlay<Shared<u16>>(base + ring.layout_.avail_event);
    ring.size_ = options.size;
    ring.event_index_ = options.event_index;
    ring.in_order_ = options.in_order;
    return ring;
}

void SplitRing::suppress_notifications() {
    // Section 2.7.7.1: with EVENT_IDX the flags must stay 0 and used_event does the work.
    if (event_index_)
        keep_notifications_away();
    else
        avail_[avail_flags].store(VIRTQ_AVAIL_F_NO_INTERRUPT);
}

RingAddresses SplitRing::addresses() const {
    return {memory_.bus(), memory_.bus() + layout_.avail, memory_.bus() + layout_.used};
}

u16 SplitRing::add_direct(u16 id, std::span<const Element> elements) {
    // The chain's descriptors are the shadow's own indices, so a loop would be a loop in the shadow (section
    // 2.7.5.2). In order they are the next ones of the table, round and round (section 2.7.5): chains come
    // back in that order too, so the free ones are always those that follow.
    u16 head = in_order_ ? next_descriptor_ : id;
    u16 at = head;
    u16 index = id;
    for (;;) {
        const Element& element = elements[index];
        bool is_last = element.next == Element::no_element;
        u16 next = in_order_ ? mask(static_cast<u16>(at + 1)) : element.next;
        u16 flags = direction_flag(element.mapping);
        if (!is_last)
            flags |= VIRTQ_DESC_F_NEXT;
        write_descriptor(descriptors_[at], element.mapping.bus, element.mapping.bytes, flags,
                         is_last ? u16{0} : next);
        if (is_last)
            break;
        index = element.next;
        at = next;
    }
    next_descriptor_ = mask(static_cast<u16>(at + 1));
    make_available(head);
    return head;
}

u16 SplitRing::add_indirect(u16 id, std::byte* table, dma::BusAddress table_bus,
                            std::span<const dma::Mapping> mappings) {
    auto* entries = overlay<virtq_desc>(table);
    for (usize i = 0; i < mappings.size(); ++i) {
        u16 flags = direction_flag(mappings[i]);
        if (i + 1 < mappings.size())
            flags |= VIRTQ_DESC_F_NEXT;
        // Sequential even where no NEXT flag makes the device look: section 2.7.5.3.1 excepts
        // none when in order.
        write_descriptor(entries[i], mappings[i].bus, mappings[i].bytes, flags, static_cast<u16>(i + 1));
    }
    u16 head = in_order_ ? next_descriptor_ : id;
    // INDIRECT alone: it may not be combined with NEXT (section 2.7.5.3.1).
    write_descriptor(descriptors_[head], table_bus, static_cast<u32>(mappings.size() * sizeof(virtq_desc)),
                     VIRTQ_DESC_F_INDIRECT, 0);
    next_descriptor_ = mask(static_cast<u16>(head + 1));
    make_available(head);
    return head;
}

void SplitRing::make_available(u16 id) {
    avail_[avail_ring + mask(next_avail_)].store(id);
    ++next_avail_;
}

void SplitRing::publish() {
    if (next_avail_ == published_)
        return;
    dma::before_publishing();
    published_ = next_avail_;
    avail_[avail_idx].store(published_);
}

bool SplitRing::needs_kick() {
    if (published_ == checked_)
        return false;
    dma::before_suppression_check();
    u16 before = std::exchange(checked_, published_);
    if (!event_index_)
        return (used_->flags.load() & VIRTQ_USED_F_NO_NOTIFY) == 0;
    // The device wants to hear of the entry with index avail_event. The whole batch [before, published_)
    // counts, not its last entry only, and all of it modulo 2^16 (section 2.7.10.1).
    u16 wanted = avail_event_->load();
    return static_cast<u16>(wanted - before) < static_cast<u16>(published_ - before);
}

Result<std::optional<UsedEntry>> SplitRing::take_used(u16 exposed) {
    if (next_used_ == seen_used_) {
        u16 index = used_->idx.load();
        u16 progress = static_cast<u16>(index - next_used_);
        if (progress == 0)
            return std::optional<UsedEntry>{};
        if (progress > exposed)
            return error(ErrorCode::DeviceBroken, "used index runs ahead of the buffers given");
        seen_used_ = index;
        dma::before_used_entry(); // once for all entries up to seen_used_
        keep_notifications_away();
    }
    const virtq_used_elem& element = used_ring_[mask(next_used_)];
    return std::optional(UsedEntry{.id = element.id.load(),
                                   .bytes = element.len.load(),
                                   .most_chains = static_cast<u16>(seen_used_ - next_used_),
                                   .has_length = true});
}

// With EVENT_IDX the device tells us when it uses the entry with index used_event. Just behind the next entry
// is as far away as it gets: 65,535 entries. It is moved on before they have gone by; an event too many would
// do no harm.
void SplitRing::keep_notifications_away() {
    if (!event_index_ || static_cast<u16>(used_event_ - next_used_) > 0x8000)
        return;
    used_event_ = static_cast<u16>(next_used_ - 1);
    avail_[avail_used_event(size_)].store(used_event_);
}

} // namespace vireo::virtio
