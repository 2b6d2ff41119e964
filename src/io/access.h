// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Single accesses to device registers: one plain load or store (or in/out) of exactly this width
// each, in program order with respect to each other. Back ends: arch/<isa>/io.cpp (inline assembly,
// because hypervisors cannot decode pairs and write-back forms) and hosted/ (dispatches to fake
// devices). Only io/ calls these.
namespace vireo::io::raw {

u8 read8(uptr address);
u16 read16(uptr address);
u32 read32(uptr address);
void write8(uptr address, u8 value);
void write16(uptr address, u16 value);
void write32(uptr address, u32 value);

// x86 port space. Machines that map port I/O into memory (PCI host bridges of arm and riscv) use the
// functions above through a Window whose space is Memory; there, these panic.
u8 port_read8(u16 port);
u16 port_read16(u16 port);
u32 port_read32(u16 port);
void port_write8(u16 port, u8 value);
void port_write16(u16 port, u16 value);
void port_write32(u16 port, u32 value);

} // namespace vireo::io::raw
