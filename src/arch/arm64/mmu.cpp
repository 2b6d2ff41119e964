// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/registers.h"
#include "arch/common/image.h"
#include "arch/common/layout.h"
#include "arch/common/start.h"
#include "base/math.h"
#include "base/result.h"

// Page tables for 40-bit addresses, one to one, 4 KiB granule (Arm ARM D8.3): 40 bits reach QEMU's high PCI windows, the
// ECAM at 0x4010000000 and the 64-bit window from 0x8000000000 to 0xffffffffff.
extern "C" [[gnu::visibility("hidden")]] void vireo_use_tables();

namespace vireo::arch {

constinit const usize image_alignment = 0x10000;

namespace {

using Entry = u64;
constexpr usize entries = 512;
constexpr u64 address_mask = 0xfffffffff000;
constexpr u64 null_pointers = u64{2} << 20; // of flash, where nobody but reset has business
constexpr u64 top_of_addresses = u64{1} << 40;

// Descriptor bits (D8.3.1): valid, not-a-block (table, or page at level 3), attribute index 1 (Normal), inner shareable, accessed,
// read-only, not executable (at EL1 for both privileges; at EL2 the lower of the two bits has no meaning).
constexpr Entry valid = 1;
constexpr Entry table_or_page = 2;
constexpr Entry must_be_one_at_el2 = 1 << 6; // AP[1], which at EL1 would let EL0 in
constexpr Entry read_only = 1 << 7;
constexpr Entry accessed = 1 << 10;
constexpr Entry never_execute = u64{3} << 53;
constexpr Entry device = accessed | never_execute;
constexpr Entry normal = 1 << 2 | 3 << 8 | accessed;
constexpr Entry unmapped = 0;

// The tables in `vireo_tables` of this copy of the image. Until they are switched to, translation goes by those of the copy
// that we came from.
class Tables {
  public:
    // Everything is device memory.
    Tables() {
        Entry* root = take();
        for (usize i = 0; i < 2; ++i) {
            Entry* level1 = take();
            fill(level1, u64{i} << 39, 30, device | level_bits_ | valid);
            root[i] = std::bit_cast<uptr>(level1) | valid | table_or_page;
        }
    }

    // [base, end), both multiples of 4 KiB, becomes memory of kind `attributes` (or unmapped).
    void map(u64 base, u64 end, Entry attributes) {
        Entry* root = first_table();
        for (u64 at = base; at < end;) {
            Entry* table = table_at(root[at >> 39]);
            for (unsigned shift = 30;; shift -= 9) {
                u64 size = u64{1} << shift;
                Entry& entry = table[at >> shift & (entries - 1)];
                if (is_aligned(at, size) && end - at >= size && !is_table(entry, shift)) {
                    entry = attributes == unmapped ? 0 : at | attributes | level_bits_ | leaf(shift);
                    at += size;
                    break;
                }
                if (!is_table(entry, shift))
                    split(entry, at & ~(size - 1), shift - 9);
                table = table_at(entry);
            }
        }
    }

  private:
    static Entry* first_table() { return reinterpret_cast<Entry*>(vireo_tables); }
    static Entry* table_at(Entry entry) { return reinterpret_cast<Entry*>(entry & address_mask); }
    static bool is_table(Entry entry, unsigned shift) {
        return shift > 12 && (entry & (valid | table_or_page)) == (valid | table_or_page);
    }

    static Entry leaf(unsigned shift) { return shift == 12 ? valid | table_or_page : valid; }

    Entry* take() {
        if (used_ == VIREO_TABLE_COUNT)
            panic("RAM is too fragmented for the page tables");
        return first_table() + entries * used_++;
    }

    static void fill(Entry* table, u64 base, unsigned shift, Entry attributes) {
        for (usize i = 0; i < entries; ++i)
            table[i] = (base + (u64{i} << shift)) | attributes;
    }

    // Replaces a block by a table of blocks (or pages) of size 1 << `shift` that say the same.
    void split(Entry& entry, u64 base, unsigned shift) {
        Entry* table = take();
        fill(table, base, shift, (entry & ~address_mask) | ((entry & valid) != 0 ? leaf(shift) : 0));
        entry = std::bit_cast<uptr>(table) | valid | table_or_page;
    }

    const Entry level_bits_ = at_el2() ? must_be_one_at_el2 : 0;
    usize used_ = 0;
};

} // namespace

void protect_memory(std::span<const RamRange> ranges) {
    Tables tables;
    tables.map(0, null_pointers, unmapped);
    for (const RamRange& range : ranges)
        tables.map(align_up<u64>(range.base, 4096),
                   align_down<u64>(std::min(range.base + range.bytes, top_of_addresses), 4096),
                   normal | never_execute);
    tables.map(image_base(), image_address(vireo_text_end), normal | read_only);
    tables.map(image_address(vireo_text_end), image_address(vireo_rodata_end),
               normal | read_only | never_execute);
    tables.map(image_address(vireo_guard), image_address(vireo_stack_start), unmapped);
    vireo_use_tables();
}

} // namespace vireo::arch
