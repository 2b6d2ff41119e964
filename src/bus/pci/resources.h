// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/config_access.h"

namespace vireo::bus::pci {

// What is left of an address window of a bus: [start, next) is handed out, [next, end) is
// free. Bus addresses.
struct Room {
    u64 start = 0;
    u64 next = 0;
    u64 end = 0;
    u64 cpu_offset = 0; // processor's address minus bus address, modulo 2^64
    io::Space space = io::Space::Memory;

    // `bytes` at a multiple of `alignment` (a power of two), lowest address first; empty if there is no room.
    std::optional<u64> take(u64 bytes, u64 alignment);
    // The free part, its ends rounded inwards to `granularity`, as a room of its own.
    Room remainder(u64 granularity) const;
};

// The rooms of one bus, one for each window that a bridge has. `memory64` lies above 4 GiB; behind a bridge
// it holds prefetchable BARs only.
struct Rooms {
    Room io;
    Room memory;
    Room memory64;
    bool memory64_is_prefetchable = false;
    bool without_io = false; // the host bridge has no port I/O (microvm): then nothing is short of it
};

// What the host bridge offers, less what must never be handed out (address 0, I/O ports below 0x1000, what
// this processor cannot reach).
Rooms rooms_of(const HostDescription& description);

// A base address register, after enumeration has sized and placed it.
struct Bar {
    enum class State : u8 {
        Absent,     // not implemented, or the upper half of a 64-bit BAR
        Unassigned, // no room: the device does not decode it
        Assigned
    };
    State state = State::Absent;
    bool is_io = false;
    bool is_64bit = false; // takes the next slot too
    bool is_prefetchable = false;
    u64 bytes = 0;     // a power of two
    u64 address = 0;   // on the bus; never 0 when assigned
    io::Window window; // the same as the processor sees it, when assigned
};

// Sizes every BAR in `bars` (2 for bridges, 6 for others) and gives each an address, aligned to its size, out
// of `rooms`: below 4 GiB if there is room. The function must not decode anything yet. Returns the decode
// bits for its command register; a warning names a BAR that found no room.
u16 place_bars(const ConfigAccess& config, Location location, std::span<Bar> bars, Rooms& rooms);

} // namespace vireo::bus::pci
