// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// x86_64 only: i386 runs without paging. Every address is mapped to itself, readable, writable and executable. Cache types
// are left alone: with the memory type range registers off, as reset leaves them, a real processor caches nothing and a
// hypervisor decides by itself.
namespace vireo::arch::x86 {

constexpr u64 four_gib = u64{1} << 32;
// What one level-3 table can map: RAM and windows beyond are not used.
constexpr u64 highest_mappable = u64{512} << 30;

// Makes the reset code's tables clean, and the page at `guard` inaccessible, so that running into it faults.
void start_paging(uptr guard);

// How many bytes of tables map_above_4_gib needs. `end` is at most `highest_mappable`.
constexpr usize table_bytes(u64 end) {
    u64 gib = end <= four_gib ? 0 : (end - four_gib + (u64{1} << 30) - 1) >> 30;
    return static_cast<usize>(gib * 4096);
}

// Maps [4 GiB, end). `tables` has table_bytes(end), page-aligned, and belongs to the page tables from now on.
void map_above_4_gib(u64 end, uptr tables);

} // namespace vireo::arch::x86
