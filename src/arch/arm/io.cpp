// SPDX-License-Identifier: Apache-2.0
#include "io/access.h"

// Inline assembly, with the address in one register and no offset: a hypervisor gets no syndrome to decode
// for pairs and write-back forms, which the compiler may choose for a volatile access.
namespace vireo::io::raw {

u8 read8(uptr address) {
    u32 value;
    asm volatile("ldrb %0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return static_cast<u8>(value);
}
u16 read16(uptr address) {
    u32 value;
    asm volatile("ldrh %0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return static_cast<u16>(value);
}
u32 read32(uptr address) {
    u32 value;
    asm volatile("ldr %0, [%1]" : "=r"(value) : "r"(address) : "memory");
    return value;
}
void write8(uptr address, u8 value) {
    asm volatile("strb %0, [%1]" : : "r"(u32{value}), "r"(address) : "memory");
}
void write16(uptr address, u16 value) {
    asm volatile("strh %0, [%1]" : : "r"(u32{value}), "r"(address) : "memory");
}
void write32(uptr address, u32 value) {
    asm volatile("str %0, [%1]" : : "r"(value), "r"(address) : "memory");
}

} // namespace vireo::io::raw
