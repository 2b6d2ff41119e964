// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/paging.h"

#include "arch/common/image.h"
#include "arch/common/page_tables.h"
#include "arch/common/program.h"
#include "arch/x86/layout.h"
#include "arch/x86/processor.h"

namespace vireo::arch {
namespace x86 {
namespace {

constexpr bool is_long_mode = sizeof(uptr) == 8;
constexpr u64 page_bytes = 4096;
constexpr u64 large_page_bytes = page_bytes << 9;
constexpr usize large_pages = four_gib / large_page_bytes;

// Entries as in Intel's manual, volume 3A, 4.4 (i386, physical address extension) and 4.5: the
// same but for the root.
struct Format {
    using Entry = u64;
    static constexpr unsigned index_bits = 9;
    static constexpr unsigned top_shift = is_long_mode ? 39 : 30;
    static constexpr unsigned leaf_shift = 21;

    static constexpr Entry present = 1;
    static constexpr Entry writable = 2;
    static constexpr Entry large = 0x80;
    static constexpr Entry never_execute = u64{1} << 63;
    static constexpr Entry address_mask = 0x000f'ffff'ffff'f000;

    static Entry leaf(u64 address, Entry attributes, unsigned shift) {
        return address | attributes | (shift > 12 ? large : 0);
    }
    static Entry attributes(Entry entry) { return entry & ~(address_mask | large); }
    static Entry table(uptr address) { return address | present | writable; }
    static uptr address(Entry entry) { return static_cast<uptr>(entry & address_mask); }
    static bool is_table(Entry entry, unsigned shift) {
        return shift > 12 && (entry & (present | large)) == present;
    }
    static Entry executable(Entry entry, bool on) {
        return on ? entry & ~never_execute : entry | never_execute;
    }
};

using Tables = PageTables<Format>;

u64* table_at(uptr address) { return reinterpret_cast<u64*>(address); }
u64* root() { return table_at(is_long_mode ? VIREO_LEVEL4_TABLE : VIREO_LEVEL3_TABLE); }

// Format::never_execute, if the processor knows it.
constinit u64 never_execute = 0;

void flush_tlb() { asm volatile("mov %0, %%cr3" : : "r"(reinterpret_cast<uptr>(root())) : "memory"); }

bool has_address_extension() { return (cpuid(1).edx & 1 << 6) != 0; }
bool knows_never_execute() { return (cpuid(0x8000'0001).edx & 1 << 20) != 0; }

// Not reserved bits of entries any more, but a right.
void allow_never_execute() {
    constexpr u32 efer = 0xc000'0080;
    constexpr u32 enable = 1 << 11;
    u32 low;
    u32 high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(efer));
    asm volatile("wrmsr" : : "a"(low | enable), "d"(high), "c"(efer) : "memory");
    never_execute = Format::never_execute;
}

void clean_tables() {
    if constexpr (is_long_mode) {
        // A warm reset leaves anything at all in the entries that the reset code does not need.
        std::fill_n(table_at(VIREO_LEVEL4_TABLE) + 1, Tables::entries - 1, 0);
        std::fill_n(table_at(VIREO_LEVEL3_TABLE) + 4, Tables::entries - 4, 0);
        return;
    }
    for (usize i = 0; i < 4; ++i) // of these, the processor wants no other bit to be set
        table_at(VIREO_LEVEL3_TABLE)[i] = (VIREO_LEVEL2_TABLES + i * page_bytes) | Format::present;
    std::fill_n(table_at(VIREO_LEVEL2_TABLES), large_pages, 0);
}

// All of the 4 GiB that is not mapped as pages. By the level-2 tables as one array: in a start of half a
// million instructions a walk for each entry would show.
void map_large_pages(u64 attributes) {
    u64* entry = table_at(VIREO_LEVEL2_TABLES);
    u64 leaf = Format::leaf(0, attributes, Format::leaf_shift);
    for (usize i = 0; i < large_pages; ++i, ++entry, leaf += large_page_bytes)
        if (!Format::is_table(*entry, Format::leaf_shift))
            *entry = leaf;
}

void switch_on() {
    constexpr uptr write_protect = 1 << 16; // read-only is read-only for us as well
    constexpr uptr paging = uptr{1} << 31;
    if constexpr (!is_long_mode) {
        constexpr uptr address_extension = 1 << 5;
        uptr cr4;
        asm volatile("mov %%cr4, %0" : "=r"(cr4));
        asm volatile("mov %0, %%cr4" : : "r"(cr4 | address_extension) : "memory");
    }
    flush_tlb();
    uptr cr0;
    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    asm volatile("mov %0, %%cr0" : : "r"(cr0 | write_protect | paging) : "memory");
}

} // namespace

void start_paging() {
    if (!is_long_mode && !has_address_extension())
        return;
    clean_tables();
    if (knows_never_execute())
        allow_never_execute();
    Tables tables(root(), {table_at(VIREO_LEVEL1_TABLES), VIREO_LEVEL1_TABLE_COUNT * Tables::entries});
    u64 data = Format::present | Format::writable | never_execute;
    // Text first: the tables are in use, and at no time may they deny what runs.
    u64 text_end = text_pages_end();
    tables.map(image_base(), text_end, Format::present);
    tables.map(text_end, image_address(vireo_rodata_end), Format::present | never_execute);
    tables.map(image_address(vireo_rodata_end), image_address(vireo_guard), data);
    tables.map(image_address(vireo_guard), image_address(vireo_stack_start), 0);
    tables.map(image_address(vireo_stack_start),
               align_up<u64>(image_address(vireo_image_end), large_page_bytes), data);
    tables.map(align_down<u64>(image_base(), large_page_bytes), image_base(), data);
    tables.map(0, page_bytes, 0); // null pointers
    tables.map(page_bytes, large_page_bytes, data);
    map_large_pages(data);
    switch_on();
}

void open_all_memory() {
    for (usize i = 0; i < large_pages; ++i)
        table_at(VIREO_LEVEL2_TABLES)[i] =
            Format::leaf(i * large_page_bytes, Format::present | Format::writable, Format::leaf_shift);
    flush_tlb();
}

#ifdef __x86_64__
void map_above_4_gib(u64 end, uptr tables) {
    u64* level3 = table_at(VIREO_LEVEL3_TABLE);
    for (u64 address = four_gib; address < end; tables += page_bytes) {
        u64* level2 = table_at(tables);
        level3[address >> 30] = Format::table(tables);
        for (usize i = 0; i < Tables::entries; ++i, address += u64{1} << 21)
            level2[i] = Format::leaf(address, Format::present | Format::writable | never_execute, 21);
    }
    flush_tlb();
}
#endif

} // namespace x86

void set_executable(u64 base, u64 end, bool on) {
    if (x86::never_execute == 0)
        return;
    x86::Tables(x86::root(), {}).set_executable(base, end, on);
    x86::flush_tlb();
}

} // namespace vireo::arch
