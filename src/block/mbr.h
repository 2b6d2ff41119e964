// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "block/partition_table.h"
#include "block/partition_wire.h"

namespace vireo::block {

// What block 0 holds: whether any of it is to be believed, before anything else is read.
struct MbrVerdict {
    bool is_table = false;      // signature, and entries that can be a partition table
    bool is_protective = false; // an entry announces a GPT
    bool is_blank = false;      // no signature: block 0 was wiped or never written
};
MbrVerdict judge_mbr(const wire::Mbr& mbr);

// Reads the partitions of a table that judge_mbr() believes, logical ones included. `scratch`
// holds one logical block. Corrupt if none of the entries can be used; a chain of logical
// partitions that loops or leads off the disk, or a record that cannot be read, ends there: a
// finding, and what was found before stands.
Result<> read_mbr(device::BlockDevice& device, const wire::Mbr& mbr, MutableBytes scratch,
                  PartitionTable& table);

} // namespace vireo::block
