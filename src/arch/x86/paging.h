// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Every address is mapped to itself. Cache types are left alone: with the memory type range registers off, as
// reset leaves them, a real processor caches nothing and a hypervisor decides by itself.
namespace vireo::arch::x86 {

constexpr u64 four_gib = u64{1} << 32;
// What one level-3 table can map: RAM and windows beyond are not used.
constexpr u64 highest_mappable = u64{512} << 30;

// The final tables: null pointers and what lies below the stack are not mapped, text and constants are
// read-only, and nothing but text is executable where the processor can say so. An i386 without physical
// address extension stays without paging.
void start_paging();

// From here on all of the first 4 GiB can be written and executed, as an operating system wants it that
// starts with translation on. The tables stay where they are, in the first MiB.
void open_all_memory();

// How many bytes of tables map_above_4_gib needs. `end` is at most `highest_mappable`.
constexpr usize table_bytes(u64 end) {
    u64 gib = end <= four_gib ? 0 : (end - four_gib + (u64{1} << 30) - 1) >> 30;
    return static_cast<usize>(gib * 4096);
}

// x86_64 only: maps [4 GiB, end). `tables` has table_bytes(end), page-aligned, and belongs to the
// page tables from now on.
void map_above_4_gib(u64 end, uptr tables);

} // namespace vireo::arch::x86
