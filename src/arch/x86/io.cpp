// SPDX-License-Identifier: Apache-2.0
#include "io/access.h"
#include "io/burst_access.h"

#include "arch/x86/ports.h"

// Single loads and stores as the compiler cannot merge, split or reorder them; x86 keeps accesses to
// device memory in program order. Memory is clobbered so that a store which starts a device's DMA stays
// behind the stores before it.
namespace vireo::io::raw {

u8 read8(uptr address) {
    u8 value;
    asm volatile("movb (%1), %0" : "=q"(value) : "r"(address) : "memory");
    return value;
}
u16 read16(uptr address) {
    u16 value;
    asm volatile("movw (%1), %0" : "=r"(value) : "r"(address) : "memory");
    return value;
}
u32 read32(uptr address) {
    u32 value;
    asm volatile("movl (%1), %0" : "=r"(value) : "r"(address) : "memory");
    return value;
}
void write8(uptr address, u8 value) { asm volatile("movb %0, (%1)" : : "q"(value), "r"(address) : "memory"); }
void write16(uptr address, u16 value) {
    asm volatile("movw %0, (%1)" : : "r"(value), "r"(address) : "memory");
}
void write32(uptr address, u32 value) {
    asm volatile("movl %0, (%1)" : : "r"(value), "r"(address) : "memory");
}

u8 port_read8(u16 port) { return arch::x86::in8(port); }
u16 port_read16(u16 port) { return arch::x86::in16(port); }
u32 port_read32(u16 port) { return arch::x86::in32(port); }
void port_write8(u16 port, u8 value) { arch::x86::out8(port, value); }
void port_write16(u16 port, u16 value) { arch::x86::out16(port, value); }
void port_write32(u16 port, u32 value) { arch::x86::out32(port, value); }

void port_write8_burst(u16 port, std::string_view bytes) {
    const char* next = bytes.data();
    usize left = bytes.size();
    asm volatile("rep outsb" : "+S"(next), "+c"(left) : "d"(port) : "memory");
}

} // namespace vireo::io::raw
