// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/packed_ring.h"

#include "hosted/report.h"

namespace vireo::fake {

using hosted::DmaArena;
using hosted::hex;

PackedRing::Descriptor PackedRing::load_descriptor(u64 table, u32 index) const {
    std::byte* memory = reach(table + 16 * u64{index}, 16, DmaArena::Use::Read);
    if (!memory)
        return {};
    u8 b[16];
    std::memcpy(b, memory, 16);
    auto little = [&](int at, int count) {
        u64 value = 0;
        for (int i = count - 1; i >= 0; --i)
            value = value << 8 | b[at + i];
        return value;
    };
    return {little(0, 8), static_cast<u32>(little(8, 4)), static_cast<u16>(little(12, 2)),
            static_cast<u16>(little(14, 2))};
}

void PackedRing::store_descriptor(u64 bus, const Descriptor& descriptor) const {
    u8 b[16];
    auto little = [&](int at, int count, u64 value) {
        for (int i = 0; i < count; ++i)
            b[at + i] = static_cast<u8>(value >> (8 * i));
    };
    little(0, 8, descriptor.address);
    little(8, 4, descriptor.bytes);
    little(12, 2, descriptor.id);
    little(14, 2, descriptor.flags);
    std::byte* memory = reach(bus, 16, DmaArena::Use::Write);
    if (!memory)
        return;
    std::memcpy(memory, b, 14); // the flags come last
    std::memcpy(memory + 14, b + 14, 2);
}

bool PackedRing::occupies(u64 bus, u64 bytes) const {
    return ranges_overlap(bus, bytes, setup().descriptors, 16 * u64{setup().size}) ||
           ranges_overlap(bus, bytes, setup().driver_area, 4) ||
           ranges_overlap(bus, bytes, setup().device_area, 4);
}

void PackedRing::check_fresh() {
    // The driver's own structure may be set up already.
    if (!is_zeroed(setup().descriptors, 16 * u64{setup().size}))
        complain("ring.packed.27", "the descriptor ring was not zeroed before the queue was enabled");
    if (!is_zeroed(setup().device_area, 4))
        complain("mmio.36", "the device area was not zeroed before the queue was enabled");
    check_driver_event();
}

void PackedRing::check_driver_event() const {
    u16 flags = driver_event_flags();
    if (flags & ~3)
        complain("ring.packed.28", "driver event flags are " + hex(flags));
    else if (flags == 3 || (flags == event_descriptor && !setup().event_idx))
        complain("ring.packed.25",
                 "driver event flags are " + hex(flags) + (setup().event_idx ? "" : " without EVENT_IDX"));
}

// Section 2.8.1: AVAIL is the wrap counter of the lap and USED its inverse.
bool PackedRing::is_available(u64 place) const {
    Descriptor now = descriptor(entry_of(place));
    if (auto staged = staged_.find(entry_of(place)); staged != staged_.end() && staged->second == now)
        return false;
    bool wrap = wrap_at(place);
    return bool(now.flags & flag_available) == wrap && bool(now.flags & flag_used) != wrap;
}

bool PackedRing::has_available() { return is_available(taken_); }

// Moves on over what the driver made available. Entries that were taken may hold used descriptors by now, so
// the look begins behind them. (A device that used more than it took is behind no one.)
void PackedRing::see_published() {
    published_ = std::max(published_, taken_);
    while (published_ < used_ + setup().size && is_available(published_))
        ++published_;
}

std::optional<Chain> PackedRing::take() {
    check_driver_event();
    while (is_available(taken_)) {
        Chain chain;
        chain.owner = setup().owner;
        bool is_good = walk(chain);
        published_ = std::max(published_, taken_);
        if (is_good)
            return chain;
    }
    return std::nullopt;
}

// The list from taken_ on; moves taken_ behind it.
bool PackedRing::walk(Chain& chain) {
    u64 first = taken_;
    bool is_good = true;
    Descriptor last{};
    for (bool more = true; more;) {
        if (taken_ - first == setup().size) {
            complain("ring.packed.09",
                     "a descriptor list goes on after all " + std::to_string(setup().size) + " entries");
            return false;
        }
        u16 entry = entry_of(taken_);
        if (!is_available(taken_)) {
            if (!spoiled_)
                complain("ring.packed.13", "entry " + std::to_string(entry) +
                                               " of a list is not available although the first one is");
            return false;
        }
        if (held_.contains(entry) && !spoiled_) {
            complain("ring.packed.12",
                     "entry " + std::to_string(entry) + " is used for a new buffer and was not given back");
            is_good = false;
        }
        last = descriptor(entry);
        held_[entry] = {last, 0};
        ++taken_;
        ++chain.ring_descriptors;
        if (last.flags & ~(flag_next | flag_write | flag_indirect | flag_available | flag_used))
            complain("ring.packed.21", "descriptor flags " + hex(last.flags));
        more = last.flags & flag_next;
        if (!(last.flags & flag_indirect)) {
            ++chain.descriptors;
            is_good = is_good && add_piece(chain, last);
        } else if (more || chain.ring_descriptors > 1) {
            complain("ring.packed.17", "an indirect descriptor in a list of several");
            is_good = false;
        }
    }
    // Section 2.8.6: the id is in the last descriptor of the list.
    chain.head = last.id;
    for (u64 place = first; place < taken_; ++place)
        held_[entry_of(place)].id = last.id;
    if (last.id >= setup().size)
        complain("ring.packed.23",
                 "buffer id " + std::to_string(last.id) + " in a queue of " + std::to_string(setup().size));
    if (outstanding_.contains(last.id) && !spoiled_) {
        complain("ring.packed.23", "buffer id " + std::to_string(last.id) + " is in use already");
        is_good = false;
    }
    if (is_good && (last.flags & flag_indirect))
        is_good = walk_table(chain, last);
    if (!is_good)
        return false;
    if (chain.descriptors > setup().size)
        complain(chain.is_indirect ? "ring.packed.16" : "ring.packed.08",
                 "a list of " + std::to_string(chain.descriptors) +
                     " descriptors is longer than the queue size " + std::to_string(setup().size));
    if (chain.readable_bytes() + chain.writable_bytes() > u64{1} << 32)
        complain("ring.packed.07", "a list is longer than 4 GiB");
    outstanding_[last.id] = chain.ring_descriptors;
    if (setup().in_order)
        order_.push_back(last.id);
    return true;
}

bool PackedRing::add_piece(Chain& chain, const Descriptor& descriptor) {
    if (descriptor.bytes == 0)
        complain("ring.packed.10", "a descriptor of no bytes");
    return Ring::add_piece(chain, descriptor.address, descriptor.bytes, descriptor.flags & flag_write,
                           "ring.packed.10");
}

// Section 2.8.7: all of the table, one after the other; there is no NEXT in it.
bool PackedRing::walk_table(Chain& chain, const Descriptor& descriptor) {
    if (!setup().indirect) {
        complain("ring.packed.14", "an indirect descriptor although INDIRECT_DESC was not negotiated");
        return false;
    }
    if (descriptor.bytes == 0 || descriptor.bytes % 16 != 0 || descriptor.bytes / 16 > 32768) {
        complain("ring.packed.15", "an indirect table of " + std::to_string(descriptor.bytes) + " bytes");
        return false;
    }
    if (!reach(descriptor.address, descriptor.bytes, DmaArena::Use::Read))
        return false;
    chain.is_indirect = true;
    Table table{descriptor.address, {}};
    for (u32 i = 0; i < descriptor.bytes / 16; ++i) {
        Descriptor entry = load_descriptor(descriptor.address, i);
        table.entries.push_back(entry);
        ++chain.descriptors;
        if (entry.flags & ~flag_write)
            complain("ring.packed.15", "flags " + hex(entry.flags) + " in an indirect table");
        if (!add_piece(chain, entry))
            return false;
    }
    held_tables_[chain.head] = std::move(table);
    return true;
}

void PackedRing::check_entry(u16 entry) const {
    auto held = held_.find(entry);
    if (held != held_.end() && !spoiled_ && descriptor(entry) != held->second.descriptor)
        complain("ring.packed.04", "entry " + std::to_string(entry) + " changed while buffer " +
                                       std::to_string(held->second.id) + " held it");
}

void PackedRing::check_untouched(const Chain& chain) {
    for (auto& [entry, held] : held_)
        if (held.id == chain.head)
            check_entry(entry);
    auto table = held_tables_.find(chain.head);
    if (table == held_tables_.end())
        return;
    for (u32 i = 0; i < table->second.entries.size() && !spoiled_; ++i)
        if (load_descriptor(table->second.bus, i) != table->second.entries[i]) {
            complain("gen.cleanup.01", "an indirect table changed while the device held it");
            break;
        }
    held_tables_.erase(table);
}

void PackedRing::scribble(const Chain& chain) {
    spoiled_ = true;
    // Neither used nor available, or the driver would see what is not there.
    auto spoil = [&](u64 bus, bool keeps_flags) {
        if (std::byte* memory = reach(bus, 16, DmaArena::Use::Write))
            std::memset(memory, 0xff, keeps_flags ? 14 : 16);
    };
    for (auto& [entry, held] : held_)
        if (held.id == chain.head)
            spoil(setup().descriptors + 16 * u64{entry}, true);
    if (auto table = held_tables_.find(chain.head); table != held_tables_.end())
        for (usize i = 0; i < table->second.entries.size(); ++i)
            spoil(table->second.bus + 16 * i, false);
}

void PackedRing::set_descriptor(u16 entry, const Descriptor& descriptor) {
    spoiled_ = true;
    store_descriptor(setup().descriptors + 16 * u64{entry}, descriptor);
    staged_[entry] = descriptor;
}

void PackedRing::set_used(u16 entry, u16 id, u32 bytes, bool wrap, u16 other_flags) {
    auto flags = static_cast<u16>(other_flags | (wrap ? flag_available | flag_used : 0));
    set_descriptor(entry, {descriptor(entry).address, bytes, id, flags});
}

u16 PackedRing::descriptors_of(u32 id) const {
    auto found = id < 0x10000 ? outstanding_.find(static_cast<u16>(id)) : outstanding_.end();
    return found == outstanding_.end() ? 1 : found->second;
}

// Section 2.8.2: the used descriptor overwrites the first of the entries that it stands for; the driver may
// reuse them all, whichever buffers they described.
void PackedRing::put_used(const Used& used) {
    for (u16 i = 0; i < used.descriptors; ++i) {
        u16 entry = entry_of(used_ + i);
        check_entry(entry);
        held_.erase(entry);
        staged_.erase(entry);
    }
    forget_outstanding(used);
    // Section 2.8.3: WRITE says whether anything was written; without it the length means
    // nothing. The address stays.
    bool wrote = used.bytes_written != 0;
    auto flags = static_cast<u16>((used_wrap() ? flag_available | flag_used : 0) | (wrote ? flag_write : 0));
    store_descriptor(setup().descriptors + 16 * u64{used_entry()},
                     {descriptor(used_entry()).address, wrote ? used.bytes_written : 0x5a5a'5a5a,
                      static_cast<u16>(used.id), flags});
    used_ += used.descriptors;
}

// What the driver will make of it: the buffer of this id and, in order, those before it.
void PackedRing::forget_outstanding(const Used& used) {
    u32 descriptors = 0;
    u32 buffers = 0;
    auto forget = [&](u16 id) {
        auto found = outstanding_.find(id);
        descriptors += found == outstanding_.end() ? 0 : found->second;
        buffers += found != outstanding_.end();
        if (found != outstanding_.end())
            outstanding_.erase(found);
    };
    auto last = static_cast<u16>(used.id);
    if (!setup().in_order) {
        forget(last);
    } else if (std::find(order_.begin(), order_.end(), last) != order_.end()) {
        for (bool more = true; more; order_.pop_front()) {
            forget(order_.front());
            more = order_.front() != last;
        }
    }
    if (buffers != used.buffers || descriptors != used.descriptors)
        spoiled_ = true;
}

void PackedRing::set_device_event(u16 place, u16 flags) {
    store16(setup().device_area, place);
    store16(setup().device_area + 2, flags);
}

void PackedRing::ask_for_notification(bool wanted) {
    if (!wanted)
        set_device_event(0, event_disable);
    else if (setup().event_idx)
        set_device_event(word_for(taken_), event_descriptor);
    else
        set_device_event(0, event_enable);
}

bool PackedRing::passes(u16 asked, u64 before, u64 after) const {
    for (u64 place = before; place < after; ++place)
        if (word_for(place) == asked)
            return true;
    return false;
}

bool PackedRing::driver_wants_notification() {
    u64 before = std::exchange(told_, used_);
    switch (driver_event_flags()) {
    case event_enable:
        return used_ != before;
    case event_descriptor:
        return setup().event_idx && passes(driver_event_place(), before, used_);
    default:
        return false;
    }
}

u16 PackedRing::next_available() {
    see_published();
    return word_for(published_);
}

bool PackedRing::has_nothing_new() {
    see_published();
    return published_ == judged_;
}

// What the driver saw when it decided is what lies in memory: tests stage it there without our knowledge.
bool PackedRing::notification_is_due() {
    see_published();
    u64 before = std::exchange(judged_, published_);
    if (published_ == before)
        return false;
    u16 flags = load16(setup().device_area + 2);
    if (flags == event_descriptor && setup().event_idx)
        return passes(load16(setup().device_area), before, published_);
    return flags == event_enable;
}

const char* PackedRing::notification_rule() const {
    return load16(setup().device_area + 2) == event_descriptor ? "ring.packed.26" : "ring.packed.25";
}

void PackedRing::notified() {
    // Section 2.9: another one that announces nothing new is allowed.
    bool nothing_new = has_nothing_new();
    if (notification_is_due() || nothing_new)
        return;
    u16 flags = load16(setup().device_area + 2);
    if (flags == event_disable)
        complain("ring.packed.25", "a notification although the device disabled them");
    else if (flags == event_descriptor && setup().event_idx)
        complain("ring.packed.26", "a notification that the event offset did not ask for");
}

} // namespace vireo::fake
