// SPDX-License-Identifier: Apache-2.0
#include "io/access.h"

// Device registers are strongly ordered among themselves here (I/O regions of the PMAs, channel 0 or 1); what
// orders them against RAM is dma/barriers.h.
namespace vireo::io::raw {

u8 read8(uptr address) {
    uptr value;
    asm volatile("lbu %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
    return static_cast<u8>(value);
}
u16 read16(uptr address) {
    uptr value;
    asm volatile("lhu %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
    return static_cast<u16>(value);
}
u32 read32(uptr address) {
    uptr value;
    asm volatile("lw %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
    return static_cast<u32>(value);
}
void write8(uptr address, u8 value) {
    asm volatile("sb %0, 0(%1)" : : "r"(uptr{value}), "r"(address) : "memory");
}
void write16(uptr address, u16 value) {
    asm volatile("sh %0, 0(%1)" : : "r"(uptr{value}), "r"(address) : "memory");
}
void write32(uptr address, u32 value) {
    asm volatile("sw %0, 0(%1)" : : "r"(uptr{value}), "r"(address) : "memory");
}

} // namespace vireo::io::raw
