// SPDX-License-Identifier: Apache-2.0
#include "arch/arm/registers.h"
#include "arch/common/image.h"
#include "arch/common/layout.h"
#include "arch/common/program.h"
#include "arch/common/start.h"
#include "base/math.h"
#include "base/result.h"

// The page tables (Arm ARM B3.5.1): 4096 sections of 1 MiB, one to one, and one table of 4 KiB pages for the
// megabyte that the image lies in.
extern "C" [[gnu::visibility("hidden")]] void vireo_use_tables();

namespace vireo::arch {

// The image has a megabyte to itself: what is left of it is allocated next, for the tree and the heap.
constinit const usize image_alignment = 1 << 20;

namespace {

constexpr u64 section_bytes = 1 << 20;
constexpr u64 page_bytes = 1 << 12;
constexpr usize sections = 4096;

// First-level descriptors: sections, read and write at PL1 only. Device, shareable; normal, write-back,
// write-allocate, shareable.
constexpr u32 device_section = 0x00000406;
constexpr u32 normal_section = 0x0001140e;
constexpr u32 section_never_execute = 0x10;
constexpr u32 page_table = 0x1;
constexpr u32 unmapped = 0;
// Small pages of the same kinds.
constexpr u32 normal_page = 0x0000045e;
constexpr u32 page_read_only = 0x200;
constexpr u32 page_never_execute = 0x1;

u32* section_table() { return reinterpret_cast<u32*>(vireo_tables); }
u32* page_entries() { return section_table() + sections; }

void map_sections(u64 base, u64 end, u32 attributes) {
    for (u64 at = base; at < end; at += section_bytes)
        section_table()[at / section_bytes] = attributes == unmapped ? 0 : static_cast<u32>(at) | attributes;
}

// [base, base + bytes) within the image's megabyte.
void map_pages(uptr base, usize bytes, u32 attributes) {
    for (usize offset = 0; offset < bytes; offset += page_bytes) {
        uptr at = base + offset;
        page_entries()[at % section_bytes / page_bytes] = attributes == unmapped ? 0 : at | attributes;
    }
}

} // namespace

void protect_memory(std::span<const RamRange> ranges) {
    map_sections(0, u64{1} << 32, device_section | section_never_execute);
    map_sections(0, section_bytes, unmapped); // null pointers
    // A bank's odd part of a megabyte is mapped as RAM, too: the emulated machines have none,
    // others would have to round.
    for (const RamRange& range : ranges)
        map_sections(align_down<u64>(range.base, section_bytes), range.base + range.bytes,
                     normal_section | section_never_execute);

    uptr base = image_base();
    static_assert(VIREO_TABLE_BYTES == sections * 4 + 1024);
    VIREO_ASSERT(is_aligned(base, section_bytes) && image_bytes() <= section_bytes);
    uptr text_end = text_pages_end();
    map_pages(base, section_bytes, normal_page | page_never_execute);
    map_pages(base, text_end - base, normal_page | page_read_only);
    map_pages(text_end, image_address(vireo_rodata_end) - text_end,
              normal_page | page_read_only | page_never_execute);
    map_pages(image_address(vireo_guard), VIREO_GUARD_BYTES, unmapped);
    section_table()[base / section_bytes] =
        static_cast<u32>(reinterpret_cast<uptr>(page_entries())) | page_table;
    vireo_use_tables();
}

void set_executable(u64 base, u64 end, bool on) {
    for (u64 at = align_up(base, section_bytes); at + section_bytes <= end; at += section_bytes) {
        u32& section = section_table()[at / section_bytes];
        if ((section & 0x3) == (normal_section & 0x3)) // not a table, not unmapped
            section = on ? section & ~section_never_execute : section | section_never_execute;
    }
    asm volatile("dsb" : : : "memory");
    VIREO_WRITE_CP15("0, %0, c8, c7, 0", 0); // TLB
    asm volatile("dsb\n isb" : : : "memory");
}

} // namespace vireo::arch
