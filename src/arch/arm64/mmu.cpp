// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/registers.h"
#include "arch/common/image.h"
#include "arch/common/layout.h"
#include "arch/common/page_tables.h"
#include "arch/common/program.h"
#include "arch/common/start.h"

// Page tables for 40-bit addresses, one to one, 4 KiB granule (Arm ARM D8.3): 40 bits reach QEMU's high PCI
// windows, the ECAM at 0x4010000000 and the 64-bit window from 0x8000000000 to 0xffffffffff.
extern "C" [[gnu::visibility("hidden")]] void vireo_use_tables();

namespace vireo::arch {

constinit const usize image_alignment = 0x10000;

namespace {

constexpr u64 null_pointers = u64{2} << 20; // of flash, where nobody but reset has business
constexpr u64 top_of_addresses = u64{1} << VIREO_ADDRESS_BITS;

struct Format {
    using Entry = u64;
    static constexpr unsigned index_bits = 9;
    static constexpr unsigned top_shift = 39;
    static constexpr unsigned leaf_shift = 30;

    // Descriptor bits (D8.3.1): valid, not-a-block (table, or page at level 3), attribute index 1 (Normal),
    // inner shareable, accessed, read-only, not executable (at EL1 for both privileges; at EL2 the lower of
    // the two bits has no meaning).
    static constexpr Entry valid = 1;
    static constexpr Entry table_or_page = 2;
    static constexpr Entry must_be_one_at_el2 = 1 << 6; // AP[1], which at EL1 would let EL0 in
    static constexpr Entry read_only = 1 << 7;
    static constexpr Entry accessed = 1 << 10;
    static constexpr Entry never_execute = u64{3} << 53;
    static constexpr Entry device = accessed | never_execute;
    static constexpr Entry normal = 1 << 2 | 3 << 8 | accessed;
    static constexpr Entry address_mask = 0xfffffffff000;

    static Entry leaf(u64 address, Entry attributes, unsigned shift) {
        return address | attributes | valid | (shift == 12 ? table_or_page : 0);
    }
    static Entry attributes(Entry entry) { return entry & ~(address_mask | valid | table_or_page); }
    static Entry table(uptr address) { return address | valid | table_or_page; }
    static uptr address(Entry entry) { return entry & address_mask; }
    static bool is_table(Entry entry, unsigned shift) {
        return shift > 12 && (entry & (valid | table_or_page)) == (valid | table_or_page);
    }
    static Entry executable(Entry entry, bool on) {
        return on ? entry & ~never_execute : entry | never_execute;
    }
};

using Entry = Format::Entry;
using Tables = PageTables<Format>;

Entry* root() { return reinterpret_cast<Entry*>(vireo_tables); }

} // namespace

// The tables in `vireo_tables` of this copy of the image. Until they are switched to, translation goes by
// those of the copy that we came from.
void protect_memory(std::span<const RamRange> ranges) {
    Entry common = at_el2() ? Format::must_be_one_at_el2 : 0;
    Entry normal = Format::normal | common;
    std::fill_n(root(), Tables::entries, 0);
    Tables tables(root(), {root() + Tables::entries, (VIREO_TABLE_COUNT - 1) * Tables::entries});
    tables.map(0, top_of_addresses, Format::device | common);
    tables.map(0, null_pointers, 0);
    for (const RamRange& range : ranges)
        tables.map(align_up<u64>(range.base, 4096),
                   align_down<u64>(std::min(range.base + range.bytes, top_of_addresses), 4096),
                   normal | Format::never_execute);
    tables.map(image_base(), text_pages_end(), normal | Format::read_only);
    tables.map(text_pages_end(), image_address(vireo_rodata_end),
               normal | Format::read_only | Format::never_execute);
    tables.map(image_address(vireo_guard), image_address(vireo_stack_start), 0);
    vireo_use_tables();
}

void set_executable(u64 base, u64 end, bool on) {
    Tables(root(), {}).set_executable(base, std::min(end, top_of_addresses), on);
    asm volatile("dsb ishst" : : : "memory");
    if (at_el2())
        asm volatile("tlbi alle2" : : : "memory");
    else
        asm volatile("tlbi vmalle1" : : : "memory");
    asm volatile("dsb ish\n isb" : : : "memory");
}

} // namespace vireo::arch
