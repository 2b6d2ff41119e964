// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/handover.h"

#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"

extern "C" [[noreturn, gnu::visibility("hidden")]] void vireo_enter(vireo::uptr entry,
                                                                    vireo::uptr description,
                                                                    const void* table, vireo::u32 magic,
                                                                    bool in_32_bit_mode);

namespace vireo::arch::x86 {

namespace {

// In the image, which is the operating system's RAM from its first instruction on. It has its own before it
// writes there: a kernel is not placed over Vireo.
constexpr u64 flat_code_32 = 0x00cf'9b00'0000'ffff;
constexpr u64 flat_code_64 = 0x00af'9b00'0000'ffff;
constexpr u64 flat_data = 0x00cf'9300'0000'ffff;
constexpr u64 task = 0x0000'8900'0000'0067; // PVH wants one to be there
constinit u64 descriptors[] = {0, 0, flat_code_32, flat_data, task};

// What a PC's BIOS keeps there tells a kernel where its own memory is, and how it was started before. There
// is no BIOS, and after a warm start RAM holds anything at all.
constexpr uptr bios_data = 0x400;
constexpr usize bios_data_bytes = 0x100;
// Other kernels than Linux take the end of RAM below 640 KiB from there, in KiB: Xen, for where it starts
// other processors. It is what the address map says (machine/pc).
constexpr uptr low_ram_end = 0x413;
constexpr u16 low_ram_kib = 639;

} // namespace

void enter_operating_system(uptr entry, uptr description, u32 magic, bool in_32_bit_mode) {
    stop_interrupts();
    TablePointer no_handlers(nullptr, 1);
    asm volatile("lidt %0" : : "m"(no_handlers.limit), "m"(no_handlers) : "memory");
    open_all_memory();
    std::memset(reinterpret_cast<void*>(bios_data), 0, bios_data_bytes);
    if (magic != 0)
        std::memcpy(reinterpret_cast<void*>(low_ram_end), &low_ram_kib, sizeof(low_ram_kib));
    if (sizeof(uptr) == 8 && !in_32_bit_mode)
        descriptors[2] = flat_code_64;
    TablePointer table(descriptors, sizeof(descriptors));
    asm volatile("" : : : "memory");
    vireo_enter(entry, description, &table.limit, magic, in_32_bit_mode);
}

} // namespace vireo::arch::x86
