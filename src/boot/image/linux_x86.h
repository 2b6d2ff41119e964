// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"
#include "base/result.h"
#include "boot/image/needs.h"

namespace vireo::boot {

// The header in a bzImage's first sectors (Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel
// Header"). boot_params has it at the same place.
struct LinuxX86Header {
    static constexpr usize offset = 0x1f1;

    u8 setup_sectors;
    Le<u16> root_flags;
    Le<u32> system_paragraphs; // of 16 bytes: what follows the setup sectors
    Le<u16> ram_size;
    Le<u16> video_mode;
    Le<u16> root_device;
    Le<u16> boot_flag;
    u8 jump;         // an instruction of two bytes,
    u8 bytes_behind; // whose second says where the header ends: so far behind itself
    char magic[4];
    Le<u16> protocol;
    Le<u32> real_mode_switch;
    Le<u16> start_segment;
    Le<u16> version_offset; // of a text, less 0x200
    u8 loader_type;
    u8 load_flags;
    Le<u16> setup_move_bytes;
    Le<u32> code32_start;
    Le<u32> ramdisk_address;
    Le<u32> ramdisk_bytes;
    Le<u32> unused;
    Le<u16> heap_end;
    u8 loader_version;
    u8 loader_type_more;
    Le<u32> command_line_address;
    Le<u32> initrd_most; // the highest address that an initrd may have
    Le<u32> alignment;
    u8 is_relocatable;
    u8 least_alignment; // as a power of two
    Le<u16> more_load_flags;
    Le<u32> command_line_most; // characters, without the 0 at the end
    Le<u32> subarchitecture;
    Le<u64> subarchitecture_data;
    Le<u32> payload_offset;
    Le<u32> payload_bytes;
    Le<u64> setup_data;
    Le<u64> preferred_address;
    Le<u32> memory_bytes; // from where it runs; before it knows its memory
    Le<u32> handover_offset;
    Le<u32> info_offset;

    static constexpr u8 loaded_high = 1;               // of load_flags
    static constexpr u16 has_64_bit_entry = 1;         // of more_load_flags: at 0x200
    static constexpr u16 reaches_above_4_gib = 1 << 1; // the same

    // Of a file's beginning. Corrupt: it is cut off or contradicts itself. NotSupported: only a PC's BIOS
    // could start it. Fields that came later than its protocol, or behind the end that it says it has, are 0.
    static Result<LinuxX86Header> read(Bytes file);

    // Where its last byte has been, from the file's beginning.
    usize end() const { return 0x202 + usize{bytes_behind}; }
    u64 setup_bytes() const { return (u64{setup_sectors == 0 ? 4u : setup_sectors} + 1) * 512; }
};
static_assert(LinuxX86Header::offset + sizeof(LinuxX86Header) == 0x26c);

// For KernelFormat: a kernel that is started by a 32-bit board, and by a 64-bit one.
Result<Needs> read_linux_x86(Bytes file, u64 ram);
Result<Needs> read_linux_x86_64(Bytes file, u64 ram);

} // namespace vireo::boot
