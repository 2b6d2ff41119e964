// SPDX-License-Identifier: Apache-2.0
#include "bus/pci/bridge_windows.h"

namespace vireo::bus::pci {

namespace {

constexpr u64 io_step = 0x1000;
constexpr u64 memory_step = 0x10'0000;

// Shrinks `inner` to whole steps around what was taken, and starts the outer room behind it.
// True if anything is left.
bool settle(Room& inner, Room& outer, u64 step) {
    inner.end = align_up(inner.next, step);
    if (inner.end == inner.start)
        return false;
    outer.next = inner.end;
    return true;
}

} // namespace

Rooms lend_rooms(const Function& bridge, const Rooms& outer) {
    Rooms inner;
    inner.without_io = outer.without_io;
    inner.memory = outer.memory.remainder(memory_step);
    // The I/O and the prefetchable window are optional: what is not implemented reads as 0.
    bridge.write8(reg::io_base, 0xf0);
    if (outer.io.next < outer.io.end && (bridge.read8(reg::io_base) & 0xf0) == 0xf0)
        inner.io = outer.io.remainder(io_step);
    bridge.write16(reg::prefetch_base, 0xfff0);
    inner.memory64_is_prefetchable = true;
    if (outer.memory64.next < outer.memory64.end && bridge.read16(reg::prefetch_base) == 0xfff1)
        inner.memory64 = outer.memory64.remainder(memory_step);
    return inner;
}

void settle_rooms(const Function& bridge, Rooms& inner, Rooms& outer) {
    // A base above its limit closes a window.
    if (settle(inner.io, outer.io, io_step)) {
        bridge.write8(reg::io_base, static_cast<u8>(inner.io.start >> 8 & 0xf0));
        bridge.write8(reg::io_limit, static_cast<u8>((inner.io.end - 1) >> 8 & 0xf0));
    } else {
        bridge.write8(reg::io_base, 0xf0);
        bridge.write8(reg::io_limit, 0x00);
    }
    bridge.write16(reg::io_base_high, 0);
    bridge.write16(reg::io_limit_high, 0);

    u64 spare = inner.memory.next == inner.memory.start ? memory_step : 0;
    if (spare <= inner.memory.end - inner.memory.next) {
        Room reserved = inner.memory;
        reserved.next += spare;
        settle(reserved, outer.memory, memory_step);
        inner.memory.end = reserved.end;
    } else {
        inner.memory.end = inner.memory.start;
    }
    bool has_memory = inner.memory.end > inner.memory.start;
    u32 memory_base = has_memory ? static_cast<u32>(inner.memory.start >> 16) : 0xfff0;
    u32 memory_limit = has_memory ? static_cast<u32>((inner.memory.end - 1) >> 16) & 0xfff0 : 0;
    bridge.write16(reg::memory_base, static_cast<u16>(memory_base));
    bridge.write16(reg::memory_limit, static_cast<u16>(memory_limit));

    bool has_memory64 = settle(inner.memory64, outer.memory64, memory_step);
    u64 base = has_memory64 ? inner.memory64.start : 0xfff0'0000;
    u64 limit = has_memory64 ? inner.memory64.end - 1 : 0;
    bridge.write16(reg::prefetch_base, static_cast<u16>(base >> 16 & 0xfff0));
    bridge.write16(reg::prefetch_limit, static_cast<u16>(limit >> 16 & 0xfff0));
    bridge.write32(reg::prefetch_base_high, static_cast<u32>(base >> 32));
    bridge.write32(reg::prefetch_limit_high, static_cast<u32>(limit >> 32));
}

} // namespace vireo::bus::pci
