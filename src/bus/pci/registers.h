// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Registers of PCI configuration space that enumeration uses (PCI Local Bus 3.0 chapter 6, PCI-to-PCI Bridge
// 1.2 chapter 3, PCI Express Base chapter 7), by offset.
namespace vireo::bus::pci::reg {

// Every function.
inline constexpr u8 ids = 0x00;            // u32: vendor, device
inline constexpr u8 command = 0x04;        // u16
inline constexpr u8 status = 0x06;         // u16
inline constexpr u8 class_code = 0x08;     // u32: revision in the low byte, class above it
inline constexpr u8 header = 0x0c;         // u32: header type in bits 16 to 23
inline constexpr u8 first_bar = 0x10;      // u32 each
inline constexpr u8 subsystem_id = 0x2e;   // u16, header type 0
inline constexpr u8 capabilities = 0x34;   // u8
inline constexpr u8 interrupt_line = 0x3c; // u8, for software alone
inline constexpr u8 interrupt_pin = 0x3d;  // u8: 0 none, 1 INTA to 4 INTD

// Bridges (header type 1).
inline constexpr u8 primary_bus = 0x18;
inline constexpr u8 secondary_bus = 0x19;
inline constexpr u8 subordinate_bus = 0x1a;
inline constexpr u8 io_base = 0x1c; // u8, the upper four bits are address bits 12 to 15
inline constexpr u8 io_limit = 0x1d;
inline constexpr u8 memory_base = 0x20; // u16, the upper twelve bits are address bits 20 to 31
inline constexpr u8 memory_limit = 0x22;
inline constexpr u8 prefetch_base = 0x24; // u16 likewise; the low four bits are 1 if 64 bits are decoded
inline constexpr u8 prefetch_limit = 0x26;
inline constexpr u8 prefetch_base_high = 0x28; // u32
inline constexpr u8 prefetch_limit_high = 0x2c;
inline constexpr u8 io_base_high = 0x30; // u16
inline constexpr u8 io_limit_high = 0x32;

inline constexpr u16 command_io = 1 << 0;
inline constexpr u16 command_memory = 1 << 1;
inline constexpr u16 command_master = 1 << 2;
inline constexpr u16 status_capabilities = 1 << 4;

inline constexpr u8 header_type_mask = 0x7f;
inline constexpr u8 header_type_normal = 0;
inline constexpr u8 header_type_bridge = 1;
inline constexpr u8 header_multi_function = 0x80;

inline constexpr u32 bar_io = 1 << 0;
inline constexpr u32 bar_type_mask = 3 << 1;
inline constexpr u32 bar_type_32 = 0 << 1;
inline constexpr u32 bar_type_64 = 2 << 1;
inline constexpr u32 bar_prefetchable = 1 << 3;

inline constexpr u8 class_bridge = 0x06; // the top byte of the class code

inline constexpr u8 capability_vendor = 0x09;
inline constexpr u8 capability_express = 0x10;
inline constexpr u8 capability_msix = 0x11;

// From the start of a PCI Express capability.
inline constexpr u8 express_flags = 0x02;     // u16: version, type of the port, and
inline constexpr u8 slot_capabilities = 0x14; // u32
inline constexpr u8 slot_control = 0x18;      // u16
inline constexpr u8 express_bytes = 0x1a;     // up to here

inline constexpr u16 express_has_slot = 1 << 8;
inline constexpr u32 slot_has_power_controller = 1 << 1;
inline constexpr u16 slot_power_off = 1 << 10;

} // namespace vireo::bus::pci::reg
