// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/paging.h"

#include "arch/x86/layout.h"

namespace vireo::arch::x86 {
namespace {

constexpr u64 present_and_writable = 0x3;
constexpr u64 large_page = 0x80;
constexpr usize entries = 512;
constexpr u64 page_bytes = 4096;
constexpr u64 large_page_bytes = page_bytes * entries;

u64* table_at(uptr address) { return reinterpret_cast<u64*>(address); }

void flush_tlb() { asm volatile("movq %0, %%cr3" : : "r"(u64{VIREO_LEVEL4_TABLE}) : "memory"); }

alignas(page_bytes) constinit u64 guarded_pages[entries];

} // namespace

void start_paging(uptr guard) {
    // A warm reset leaves anything at all in the entries that the reset code does not need.
    std::fill_n(table_at(VIREO_LEVEL4_TABLE) + 1, entries - 1, 0);
    std::fill_n(table_at(VIREO_LEVEL3_TABLE) + 4, entries - 4, 0);

    u64 start = guard & ~(large_page_bytes - 1);
    for (usize i = 0; i < entries; ++i)
        guarded_pages[i] = (start + i * page_bytes) | present_and_writable;
    guarded_pages[(guard - start) / page_bytes] = 0;
    // The level-2 tables lie behind each other, so they are one array of 2 MiB pages.
    table_at(VIREO_LEVEL2_TABLES)[start / large_page_bytes] =
        reinterpret_cast<uptr>(guarded_pages) | present_and_writable;
    flush_tlb();
}

void map_above_4_gib(u64 end, uptr tables) {
    u64* level3 = table_at(VIREO_LEVEL3_TABLE);
    for (u64 address = four_gib; address < end; tables += page_bytes) {
        u64* level2 = table_at(tables);
        level3[address >> 30] = tables | present_and_writable;
        for (usize i = 0; i < entries; ++i, address += large_page_bytes)
            level2[i] = address | present_and_writable | large_page;
    }
    flush_tlb();
}

} // namespace vireo::arch::x86
