// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

// Partition tables as they lie on the disk. UEFI specification 2.10, section 5 ("GUID
// Partition Table Disk Layout").
namespace vireo::block::wire {

// UEFI 5.2.1, table 5-2: one of the four entries of an MBR or EBR.
struct MbrEntry {
    u8 boot_indicator; // 0x80: bootable, 0: not; nothing else is valid
    u8 first_chs[3];
    u8 type;
    u8 last_chs[3];
    Le<u32> first_block; // of the disk; in an EBR relative to the EBR, or (links) to the extended partition
    Le<u32> block_count;
};
static_assert(sizeof(MbrEntry) == 16);

// UEFI 5.2.1, table 5-1.
struct Mbr {
    u8 code[440];
    Le<u32> disk_signature;
    u8 unknown[2];
    MbrEntry entries[4];
    Le<u16> signature;
};
static_assert(sizeof(Mbr) == 512 && offsetof(Mbr, entries) == 446);

constexpr u16 mbr_signature = 0xaa55;
constexpr u8 mbr_type_protective = 0xee; // UEFI 5.2.3: this disk has a GPT
constexpr u8 mbr_type_efi_system = 0xef; // UEFI 5.2.2
constexpr bool is_extended(u8 type) { return type == 0x05 || type == 0x0f || type == 0x85; }

// UEFI 5.3.2, table 5-5. The checksum covers `header_bytes` bytes with the checksum field as zero.
struct GptHeader {
    u8 signature[8];
    Le<u32> revision;
    Le<u32> header_bytes;
    Le<u32> header_crc;
    Le<u32> reserved;
    Le<u64> my_block;
    Le<u64> alternate_block;
    Le<u64> first_usable_block;
    Le<u64> last_usable_block;
    u8 disk_guid[16];
    Le<u64> entries_block;
    Le<u32> entry_count;
    Le<u32> entry_bytes;
    Le<u32> entries_crc;
};
static_assert(sizeof(GptHeader) == 92 && offsetof(GptHeader, entries_block) == 72);

// UEFI 5.3.3, table 5-6. On disk an entry may be longer (128 * 2^n bytes).
struct GptEntry {
    u8 type_guid[16]; // all zero: unused
    u8 partition_guid[16];
    Le<u64> first_block;
    Le<u64> last_block; // inclusive
    Le<u64> attributes;
    Le<u16> name[36]; // UTF-16
};
static_assert(sizeof(GptEntry) == 128 && offsetof(GptEntry, name) == 56);

} // namespace vireo::block::wire
