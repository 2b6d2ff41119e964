// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "block/partition_table.h"
#include "load/load.h"

namespace vireo::load {

// What is wanted of a disk, from the text behind its number: "", ":" or ":auto" the default; ":2" a
// partition, hexadecimal; ":0" the whole disk; "#name" a partition by name. Bad: anything else.
struct PartitionWish {
    enum class Kind : u8 { Default, Number, Name, Bad } kind;
    u64 number = 0;
    std::string_view name{};
};
PartitionWish parse_wish(std::string_view text);

// The first bootable partition, else the one with number 1, else the first; nullptr if there is none.
const block::Partition* default_partition(const block::PartitionTable& table);

// In memory of its own: it is large.
Result<std::unique_ptr<block::PartitionTable>> read_table(device::BlockDevice& disk);

// The part of a disk that `partition` names, see PartitionWish; the default of a disk without a table is the
// whole disk. Kinds of failure: BadPartition, Table, NoTable, NoPartition, Partition, Whole.
Outcome<block::Volume> open_volume(device::BlockDevice& disk, std::string_view partition, Watcher& watcher);
// UnknownFileSystem, Mount.
Outcome<fs::FileSystem> mount(block::Volume volume, Failure& failure);

} // namespace vireo::load
