// SPDX-License-Identifier: Apache-2.0
#include "arch/common/image.h"
#include "arch/common/layout.h"
#include "arch/common/page_tables.h"
#include "arch/common/program.h"
#include "arch/common/start.h"
#include "arch/riscv/processor.h"
#include "arch/riscv/registers.h"

// Page tables, one to one: Sv39 on 64 bits, Sv32 on 32 (Privileged Architecture 4.3, 4.4). What is RAM and
// what is a device, the processor knows by itself. In machine mode instructions are fetched without
// translation, but loads and stores can go by these tables as those of supervisor mode do (mstatus.MPRV,
// 3.1.6.3): so null pointers, constants and the end of the stack are guarded in both modes, and what is
// executable is decided in supervisor mode only (decision 0032).
extern "C" [[gnu::visibility("hidden")]] void vireo_open_memory();

namespace vireo::arch {

namespace {

struct Format {
    using Entry = uptr;
    static constexpr bool is_sv39 = sizeof(uptr) == 8;
    static constexpr unsigned index_bits = is_sv39 ? 9 : 10;
    static constexpr unsigned top_shift = is_sv39 ? 30 : 22;
    static constexpr unsigned leaf_shift = top_shift;

    // Valid; readable, writable, executable: none of them is a table; accessed and dirty, which the
    // processor may want set.
    static constexpr Entry valid = 1;
    static constexpr Entry readable = 2 | 1 << 6;
    static constexpr Entry writable = 4 | 1 << 7;
    static constexpr Entry can_execute = 8;
    static constexpr Entry any_right = 0xe;

    static Entry leaf(u64 address, Entry attributes, unsigned) {
        return table(static_cast<uptr>(address)) | attributes;
    }
    static Entry attributes(Entry entry) { return entry & 0x3fe; }
    static Entry table(uptr address) { return address >> 12 << 10 | valid; }
    static uptr address(Entry entry) { return entry >> 10 << 12; }
    static bool is_table(Entry entry, unsigned shift) {
        return shift > 12 && (entry & (valid | any_right)) == valid;
    }
    static Entry executable(Entry entry, bool on) { return on ? entry | can_execute : entry & ~can_execute; }
};

using Tables = PageTables<Format>;

constexpr u64 null_pointers = 4096;
// Sv39 addresses are sign-extended: what it maps one to one is the lower half.
constexpr u64 top_of_addresses = u64{1} << VIREO_ADDRESS_BITS;

uptr* root() { return reinterpret_cast<uptr*>(vireo_tables); }

// False if the processor has no translation of this kind.
bool use_tables() {
    constexpr uptr supervisor_in_misa = 1 << 18;
    if (!riscv::is_supervisor() && (VIREO_READ_CSR(misa) & supervisor_in_misa) == 0)
        return false;
    constexpr uptr mode = Format::is_sv39 ? static_cast<uptr>(u64{8} << 60) : uptr{1} << 31;
    uptr wanted = mode | reinterpret_cast<uptr>(root()) >> 12;
    asm volatile("sfence.vma\n csrw satp, %0\n sfence.vma" : : "r"(wanted) : "memory");
    return VIREO_READ_CSR(satp) == wanted;
}

} // namespace

void protect_memory(std::span<const RamRange>) {
    constexpr uptr data = Format::readable | Format::writable;
    std::fill_n(root(), Tables::entries, 0);
    Tables tables(root(), {root() + Tables::entries, (VIREO_TABLE_COUNT - 1) * Tables::entries});
    tables.map(0, top_of_addresses, data);
    tables.map(0, null_pointers, 0);
    tables.map(image_base(), text_pages_end(), Format::readable | Format::can_execute);
    tables.map(text_pages_end(), image_address(vireo_rodata_end), Format::readable);
    tables.map(image_address(vireo_guard), image_address(vireo_stack_start), 0);
    if (use_tables() && !riscv::is_supervisor()) {
        vireo_open_memory();
        riscv::start_translating_data();
    }
}

void set_executable(u64 base, u64 end, bool on) {
    Tables(root(), {}).set_executable(base, std::min(end, top_of_addresses), on);
    if (riscv::is_supervisor())
        asm volatile("sfence.vma" : : : "memory");
}

} // namespace vireo::arch
