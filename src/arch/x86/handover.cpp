// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/handover.h"

#include "arch/x86/interrupts.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"

extern "C" [[noreturn, gnu::visibility("hidden")]] void
vireo_enter(vireo::uptr entry, vireo::uptr description, const void* table, bool in_32_bit_mode);

namespace vireo::arch::x86 {

namespace {

// In the image, which is the operating system's RAM from its first instruction on. It has its own before it
// writes there: a kernel is not placed over Vireo.
constexpr u64 flat_code_32 = 0x00cf'9b00'0000'ffff;
constexpr u64 flat_code_64 = 0x00af'9b00'0000'ffff;
constexpr u64 flat_data = 0x00cf'9300'0000'ffff;
constinit u64 descriptors[] = {0, 0, flat_code_32, flat_data};

// What a PC's BIOS keeps there tells a kernel where its own memory is, and how it was started before. There
// is no BIOS, and after a warm start RAM holds anything at all.
constexpr uptr bios_data = 0x400;
constexpr usize bios_data_bytes = 0x100;

} // namespace

void enter_operating_system(uptr entry, uptr description, bool in_32_bit_mode) {
    stop_interrupts();
    TablePointer no_handlers(nullptr, 1);
    asm volatile("lidt %0" : : "m"(no_handlers.limit), "m"(no_handlers) : "memory");
    open_all_memory();
    std::memset(reinterpret_cast<void*>(bios_data), 0, bios_data_bytes);
    if (sizeof(uptr) == 8 && !in_32_bit_mode)
        descriptors[2] = flat_code_64;
    TablePointer table(descriptors, sizeof(descriptors));
    asm volatile("" : : : "memory");
    vireo_enter(entry, description, &table.limit, in_32_bit_mode);
}

} // namespace vireo::arch::x86
