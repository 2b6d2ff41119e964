// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "block/partition_table.h"

namespace vireo::block {

// Reads the GPT of a disk: from the primary header, or, if that one or its entries are damaged, from the
// backup. Without `allow_backup` only the primary counts: where no protective MBR vouches for the table, a
// header at the end of the disk may be a leftover. Corrupt, with what is wrong with the primary one, if
// neither can be used; the table is empty then.
Result<> read_gpt(device::BlockDevice& device, bool allow_backup, PartitionTable& table);

} // namespace vireo::block
