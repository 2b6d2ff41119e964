// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "block/findings.h"
#include "block/volume.h"

namespace vireo::block {

enum class TableType : u8 { None, Mbr, Gpt };

struct Partition {
    u32 number;      // as users write it: MBR 1-4 primary, 5 and up logical; GPT entry index + 1
    u64 first_block; // logical blocks of the disk
    u64 block_count;
    bool bootable;  // GPT: the legacy BIOS attribute, or an EFI system partition; MBR: flag 0x80 or type 0xef
    u8 mbr_type;    // MBR only
    u64 attributes; // GPT only
    u8 type_guid[16];      // GPT only, as on disk
    u8 partition_guid[16]; // GPT only, as on disk
    char name[109]; // GPT only: UTF-8 of the 36 UTF-16 units, zero-terminated; control characters replaced
};

// The partitions of one disk: each lies on it and covers no part of the table that is in use. What reaches
// beyond the end is cut there; what lies wholly behind it, covers the table or ends before it starts is left
// out, as is what is more than max_partitions. `findings` has every such case.
struct PartitionTable {
    static constexpr usize max_partitions = 128;
    TableType type = TableType::None;
    u32 mbr_signature = 0; // disk signature for partition UUIDs ("%08x-%02x")
    Findings findings;
    FixedVector<Partition, max_partitions> partitions;
    const Partition* find(u32 number) const;
    const Partition* find_by_name(std::string_view name) const;
};

// Reads the table. A disk without one is TableType::None, not an error; a table that contradicts itself in a
// way that leaves nothing usable is Corrupt, with what is wrong.
Result<> read_partition_table(device::BlockDevice& device, PartitionTable& table);

} // namespace vireo::block
