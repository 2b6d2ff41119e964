// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/split_ring.h"

#include "hosted/report.h"

namespace vireo::fake {

using hosted::DmaArena;
using hosted::hex;

std::optional<SplitRing::Descriptor> SplitRing::load_descriptor(u64 table, u16 index) const {
    std::byte* memory = reach(table + 16 * u64{index}, 16, DmaArena::Use::Read);
    if (!memory)
        return std::nullopt;
    u8 b[16];
    std::memcpy(b, memory, 16);
    auto little = [&](int at, int count) {
        u64 value = 0;
        for (int i = count - 1; i >= 0; --i)
            value = value << 8 | b[at + i];
        return value;
    };
    return Descriptor{little(0, 8), static_cast<u32>(little(8, 4)), static_cast<u16>(little(12, 2)),
                      static_cast<u16>(little(14, 2))};
}

bool SplitRing::occupies(u64 bus, u64 bytes) const {
    return ranges_overlap(bus, bytes, setup().descriptors, 16 * u64{setup().size}) ||
           ranges_overlap(bus, bytes, setup().driver_area, 6 + 2 * u64{setup().size}) ||
           ranges_overlap(bus, bytes, setup().device_area, 6 + 8 * u64{setup().size});
}

void SplitRing::check_fresh() {
    u64 size = setup().size;
    // The driver's own suppression words (flags, used_event) may be set up already.
    if (!is_zeroed(setup().descriptors, 16 * size) || !is_zeroed(setup().driver_area + 2, 2 + 2 * size) ||
        !is_zeroed(setup().device_area, 4 + 8 * size + (setup().event_idx ? 2 : 0)))
        complain("mmio.36", "the ring memory was not zeroed before the queue was enabled");
    if (load16(setup().device_area) != 0)
        complain("ring.split.25", "used flags are not 0 when the queue is enabled");
}

bool SplitRing::has_available() { return available_index() != taken_; }

void SplitRing::check_available_flags() {
    u16 flags = available_flags();
    if (setup().event_idx && flags != 0)
        complain("ring.split.18", "available flags are " + hex(flags) + " although EVENT_IDX was negotiated");
    if (!setup().event_idx && flags > 1)
        complain("ring.split.16", "available flags are " + hex(flags));
}

std::optional<Chain> SplitRing::take() {
    check_available_flags();
    u16 index = available_index();
    if (static_cast<u16>(index - taken_) > setup().size) {
        complain("ring.split.15", "available idx went from " + std::to_string(taken_) + " to " +
                                      std::to_string(index) + " in a queue of " +
                                      std::to_string(setup().size));
        taken_ = index;
    }
    while (taken_ != index) {
        u16 head = load16(setup().driver_area + 4 + 2 * u64{static_cast<u16>(taken_ % setup().size)});
        ++taken_;
        Chain chain;
        chain.head = head;
        chain.owner = setup().owner;
        if (walk(head, chain))
            return chain;
    }
    return std::nullopt;
}

bool SplitRing::walk(u16 head, Chain& chain) {
    if (head >= setup().size) {
        complain("ring.split.38", "available ring names descriptor " + std::to_string(head) + " of " +
                                      std::to_string(setup().size));
        return false;
    }
    if (setup().in_order && head != in_order_next_)
        complain("ring.split.09", "with IN_ORDER, a chain begins at descriptor " + std::to_string(head) +
                                      " instead of " + std::to_string(in_order_next_));
    if (!walk_table(chain, setup().descriptors, setup().size, head, false))
        return false;
    in_order_next_ = static_cast<u16>((head + chain.ring_descriptors) % setup().size);
    if (chain.descriptors > setup().size)
        complain("ring.split.12", "a chain of " + std::to_string(chain.descriptors) +
                                      " descriptors is longer than the queue size " +
                                      std::to_string(setup().size));
    if (chain.readable_bytes() + chain.writable_bytes() > u64{1} << 32)
        complain("ring.split.06", "a chain is longer than 4 GiB");
    if (chain.readable.empty() && chain.writable.empty()) {
        complain("ring.split.38", "an empty chain");
        return false;
    }
    return true;
}

bool SplitRing::walk_table(Chain& chain, u64 table, u32 entries, u16 first, bool inside_indirect) {
    u16 index = first;
    for (u32 steps = 0;; ++steps) {
        if (steps == entries) {
            complain("ring.split.07", "the descriptor chain from " + std::to_string(chain.head) + " loops");
            return false;
        }
        auto descriptor = load_descriptor(table, index);
        if (!descriptor)
            return false;
        ++chain.descriptors;
        if (!inside_indirect) {
            ++chain.ring_descriptors;
            if (auto owner = owner_of_.find(index); owner != owner_of_.end()) {
                complain("gen.cleanup.01", "descriptor " + std::to_string(index) +
                                               " is used for a new buffer while buffer " +
                                               std::to_string(owner->second) + " still holds it");
                return false;
            }
            owner_of_[index] = chain.head;
            held_[index] = *descriptor;
        }
        if (descriptor->flags & ~(flag_next | flag_write | flag_indirect))
            complain("ring.split.38", "descriptor flags " + hex(descriptor->flags));
        if (descriptor->flags & flag_indirect) {
            if (descriptor->flags & flag_next)
                complain("ring.split.13", "a descriptor has both INDIRECT and NEXT");
            if (inside_indirect) {
                complain("ring.split.11", "an indirect descriptor inside an indirect table");
                return false;
            }
            return enter_indirect(chain, *descriptor);
        }
        if (descriptor->bytes == 0)
            complain("ring.split.38", "a descriptor of no bytes");
        if (!add_piece(chain, descriptor->address, descriptor->bytes, descriptor->flags & flag_write,
                       "ring.split.04"))
            return false;
        if (setup().in_order)
            check_order(chain, index, *descriptor, inside_indirect);
        if (!(descriptor->flags & flag_next))
            return true;
        index = descriptor->next;
        if (index >= entries) {
            complain("ring.split.38",
                     "next is " + std::to_string(index) + " in a table of " + std::to_string(entries));
            return false;
        }
    }
}

bool SplitRing::enter_indirect(Chain& chain, const Descriptor& descriptor) {
    if (!setup().indirect) {
        complain("ring.split.10", "an indirect descriptor although INDIRECT_DESC was not negotiated");
        return false;
    }
    if (descriptor.bytes == 0 || descriptor.bytes % 16 != 0 || descriptor.bytes / 16 > 65536) {
        complain("ring.split.38", "an indirect table of " + std::to_string(descriptor.bytes) + " bytes");
        return false;
    }
    --chain.descriptors; // the reference is no element of the buffer
    chain.is_indirect = true;
    u32 entries = descriptor.bytes / 16;
    Table table{descriptor.address, {}};
    for (u32 i = 0; i < entries; ++i) {
        auto entry = load_descriptor(descriptor.address, static_cast<u16>(i));
        if (!entry)
            return false;
        table.entries.push_back(*entry);
    }
    held_tables_[chain.head] = std::move(table);
    return walk_table(chain, descriptor.address, entries, 0, true);
}

// Sections 2.7.5 and 2.7.5.3: with IN_ORDER, descriptors are used in ring order, those of a
// table one after the other.
void SplitRing::check_order(const Chain& chain, u16 index, const Descriptor& descriptor,
                            bool inside_indirect) {
    if (!(descriptor.flags & flag_next))
        return;
    u32 expected = index + 1u;
    if (!inside_indirect && expected == setup().size)
        expected = 0;
    if (descriptor.next != expected)
        complain(inside_indirect ? "ring.split.14" : "ring.split.08",
                 "with IN_ORDER, descriptor " + std::to_string(index) + " of chain " +
                     std::to_string(chain.head) + " is followed by " + std::to_string(descriptor.next));
}

void SplitRing::check_untouched(const Chain& chain) {
    for (auto it = owner_of_.begin(); it != owner_of_.end();) {
        if (it->second != chain.head) {
            ++it;
            continue;
        }
        auto now = load_descriptor(setup().descriptors, it->first);
        if (!scribbled_ && (!now || *now != held_[it->first]))
            complain("gen.cleanup.01",
                     "descriptor " + std::to_string(it->first) + " changed while the device held it");
        held_.erase(it->first);
        it = owner_of_.erase(it);
    }
    auto table = held_tables_.find(chain.head);
    if (table == held_tables_.end())
        return;
    for (usize i = 0; i < table->second.entries.size() && !scribbled_; ++i) {
        auto now = load_descriptor(table->second.bus, static_cast<u16>(i));
        if (!now || *now != table->second.entries[i]) {
            complain("gen.cleanup.01", "an indirect table changed while the device held it");
            break;
        }
    }
    held_tables_.erase(table);
}

void SplitRing::scribble(const Chain& chain) {
    scribbled_ = true;
    auto spoil = [&](u64 bus) {
        if (std::byte* memory = reach(bus, 16, DmaArena::Use::Write))
            std::memset(memory, 0xff, 16); // next, flags, length and address all at their worst
    };
    for (auto& [index, head] : owner_of_)
        if (head == chain.head)
            spoil(setup().descriptors + 16 * u64{index});
    if (auto table = held_tables_.find(chain.head); table != held_tables_.end())
        for (usize i = 0; i < table->second.entries.size(); ++i)
            spoil(table->second.bus + 16 * i);
}

void SplitRing::set_used_element(u16 slot, u32 id, u32 bytes) {
    u8 element[8];
    for (int i = 0; i < 4; ++i) {
        element[i] = static_cast<u8>(id >> (8 * i));
        element[4 + i] = static_cast<u8>(bytes >> (8 * i));
    }
    if (std::byte* memory = reach(setup().device_area + 4 + 8 * u64{slot}, 8, DmaArena::Use::Write))
        std::memcpy(memory, element, 8);
}

void SplitRing::put_used(const Used& used) {
    // The element before the index (2.7.8.2). One for a whole batch lies where the first of it
    // would be (2.7.9).
    set_used_element(static_cast<u16>(used_index_ % setup().size), used.id, used.bytes_written);
    set_used_index(static_cast<u16>(used_index_ + used.buffers));
}

// Nothing in the format depends on it.
u16 SplitRing::descriptors_of(u32) const { return 1; }

void SplitRing::ask_for_notification(bool wanted) {
    if (!setup().event_idx) {
        set_used_flags(wanted ? 0 : 1);
        return;
    }
    // Unwanted: an index that the driver reaches only after 32768 more buffers.
    set_avail_event(static_cast<u16>(wanted ? taken_ : taken_ + 0x8000));
}

bool SplitRing::driver_wants_notification() {
    u16 before = told_index_;
    told_index_ = used_index_;
    if (setup().event_idx)
        return passes(used_event(), before, used_index_);
    return used_index_ != before && (available_flags() & 1) == 0;
}

// What the driver saw when it decided is what lies in memory: tests stage it there without our knowledge.
bool SplitRing::notification_is_due() {
    u16 before = judged_;
    u16 index = judged_ = available_index();
    if (index == before)
        return false;
    if (setup().event_idx)
        return passes(load16(setup().device_area + 4 + 8 * u64{setup().size}), before, index);
    return (load16(setup().device_area) & 1) == 0;
}

const char* SplitRing::notification_rule() const {
    return setup().event_idx ? "ring.split.30" : "ring.split.28";
}

void SplitRing::notified() {
    bool nothing_new = has_nothing_new();
    bool due = notification_is_due();
    if (due)
        return;
    if (setup().event_idx)
        complain("ring.split.31", "a notification that the event index did not ask for");
    else if (!nothing_new)
        complain("ring.split.27", "a notification although used flags say NO_NOTIFY");
}

} // namespace vireo::fake
