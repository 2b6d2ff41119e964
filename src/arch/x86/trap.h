// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::arch::x86 {

// Tells the interrupt controller that the handler of `line` is done. Called with interrupts off.
void acknowledge_interrupt(u8 line);

// What lgdt and lidt load, limit and base without a gap. With padding in front, so that the base is an
// aligned word: the compiler may turn one into a constant, and RELR relocates aligned words only.
struct TablePointer {
    u16 padding[sizeof(uptr) / 2 - 1] = {};
    u16 limit;
    uptr base;
    TablePointer(const void* table, usize bytes)
        : limit(static_cast<u16>(bytes - 1)), base(reinterpret_cast<uptr>(table)) {}
};
static_assert(offsetof(TablePointer, base) == offsetof(TablePointer, limit) + 2);

} // namespace vireo::arch::x86
