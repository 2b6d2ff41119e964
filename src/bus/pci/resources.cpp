// SPDX-License-Identifier: Apache-2.0
#include "bus/pci/resources.h"

#include "base/log.h"
#include "bus/pci/registers.h"

namespace vireo::bus::pci {

std::optional<u64> Room::take(u64 bytes, u64 alignment) {
    auto rounded = checked_add<u64>(next, alignment - 1);
    if (!rounded)
        return std::nullopt;
    u64 address = align_down(*rounded, alignment);
    if (address >= end || bytes > end - address)
        return std::nullopt;
    next = address + bytes;
    return address;
}

Room Room::remainder(u64 granularity) const {
    Room rest = *this;
    rest.start = rest.next = align_up(next, granularity);
    rest.end = std::max(rest.start, align_down(end, granularity));
    return rest;
}

namespace {

// The room of one host window, without its part below `lowest` and above `highest` (bus addresses). Nothing
// is left of a window that wraps or that the processor cannot reach.
Room room_of(const AddressRange& range, io::Space space, u64 lowest, u64 highest) {
    Room room;
    room.space = space;
    if (!range_fits(range.cpu, range.bytes, io::reach_of(space)) || !checked_add<u64>(range.bus, range.bytes))
        return room;
    room.cpu_offset = range.cpu - range.bus;
    room.start = room.next = std::max(range.bus, lowest);
    room.end = std::max(room.start, std::min(range.bus + range.bytes, highest));
    return room;
}

constexpr u64 four_gib = u64{1} << 32;

// Sizes the BAR in slot `index`: the bits that do not take a one tell how much it decodes. Leaves it all
// ones, which is where a memory BAR does not matter: at the very top of the address space.
Bar probe(const ConfigAccess& config, Location location, unsigned index, unsigned count) {
    auto offset = static_cast<u8>(reg::first_bar + 4 * index);
    config.write32(location, offset, ~u32{0});
    u32 low = config.read32(location, offset);
    Bar bar;
    if (low == 0 || low == ~u32{0}) // not implemented; or nobody answers any more
        return bar;
    u64 mask;
    if (low & reg::bar_io) {
        if ((low & 0xfffc) == 0)
            return bar;
        bar.is_io = true;
        mask = ~u64{0xffff} | (low & 0xfffcu); // devices may leave the upper 16 bits out
    } else {
        u32 type = low & reg::bar_type_mask;
        bar.is_64bit = type == reg::bar_type_64;
        bar.is_prefetchable = low & reg::bar_prefetchable;
        if (type != reg::bar_type_32 && (!bar.is_64bit || index + 1 == count))
            return Bar{}; // a reserved type, or no slot for the upper half
        u32 high = ~u32{0};
        if (!bar.is_64bit && low < 0x10)
            return Bar{}; // not one address bit
        if (bar.is_64bit) {
            auto next = static_cast<u8>(offset + 4);
            config.write32(location, next, ~u32{0});
            high = config.read32(location, next);
        }
        mask = u64{high} << 32 | (low & 0xffff'fff0u);
    }
    bar.bytes = mask & (~mask + 1);
    // All bits above the lowest that can be set must be settable too, else this is no address register.
    if (mask == 0 || (mask | (bar.bytes - 1)) != ~u64{0})
        return Bar{};
    bar.state = Bar::State::Unassigned;
    return bar;
}

// Picks the room: 64-bit BARs prefer addresses below 4 GiB too, which every processor and
// every bridge can reach.
std::optional<u64> choose(const Bar& bar, Rooms& rooms, const Room*& chosen) {
    Room& first = bar.is_io ? rooms.io : rooms.memory;
    chosen = &first;
    auto address = first.take(bar.bytes, bar.bytes);
    if (!address && bar.is_64bit && (bar.is_prefetchable || !rooms.memory64_is_prefetchable)) {
        chosen = &rooms.memory64;
        address = rooms.memory64.take(bar.bytes, bar.bytes);
    }
    return address;
}

} // namespace

Rooms rooms_of(const HostDescription& description) {
    Rooms rooms;
    rooms.without_io = description.io.bytes == 0;
    rooms.io = room_of(description.io, description.io_space, 0x1000, 0x10000);
    rooms.memory = room_of(description.memory, io::Space::Memory, 0x1000, four_gib);
    if constexpr (sizeof(uptr) > 4)
        rooms.memory64 = room_of(description.memory64, io::Space::Memory, four_gib, u64{1} << 62);
    return rooms;
}

u16 place_bars(const ConfigAccess& config, Location location, std::span<Bar> bars, Rooms& rooms) {
    bool has_io = false;
    bool has_memory = false;
    bool io_in_the_way = false;
    bool memory_in_the_way = false;
    for (unsigned i = 0; i < bars.size(); ++i) {
        Bar& bar = bars[i];
        bar = probe(config, location, i, static_cast<unsigned>(bars.size()));
        if (bar.state == Bar::State::Absent)
            continue;
        const Room* room = nullptr;
        auto address = choose(bar, rooms, room);
        auto offset = static_cast<u8>(reg::first_bar + 4 * i);
        if (address) {
            bar.state = Bar::State::Assigned;
            bar.address = *address;
            bar.window = io::Window(room->space, *address + room->cpu_offset, bar.bytes);
            config.write32(location, offset, static_cast<u32>(*address));
            if (bar.is_64bit)
                config.write32(location, static_cast<u8>(offset + 4), static_cast<u32>(*address >> 32));
            (bar.is_io ? has_io : has_memory) = true;
        } else {
            if (!bar.is_io || !rooms.without_io) {
                StringBuffer<8> place;
                print(place, location);
                warn("pci {}: no room for BAR {} of 0x{:x} bytes; it stays unused", place.view(), i,
                     bar.bytes);
            }
            // A 64-bit BAR rests, all ones, at the top of the address space. The others would answer at an
            // address that may be something else's, so the whole function must not decode that kind.
            if (!bar.is_64bit)
                (bar.is_io ? io_in_the_way : memory_in_the_way) = true;
        }
        if (bar.is_64bit)
            ++i; // the upper half is no BAR of its own
    }
    for (Bar& bar : bars)
        if (bar.is_io ? io_in_the_way : memory_in_the_way)
            bar.state = bar.state == Bar::State::Assigned ? Bar::State::Unassigned : bar.state;
    u16 decode = 0;
    if (has_io && !io_in_the_way)
        decode |= reg::command_io;
    if (has_memory && !memory_in_the_way)
        decode |= reg::command_memory;
    return decode;
}

} // namespace vireo::bus::pci
