// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "block/partition_table.h"
#include "fs/file_system.h"
#include "shell/context.h"

namespace vireo::shell {

// "Device 0: " has been printed: the disk's name, "Type:" and "Capacity:" lines.
void print_disk(Writer& out, const device::BlockDevice& disk);

// What `part list` prints for a disk; "## Unknown partition table type 0" and status_failed for one without a
// table.
int print_partitions(Context& context, u64 number, device::BlockDevice& disk);

// For the interfaces of U-Boot's disks that no machine of ours has ("usb", "mmc", ...): one line, and true.
bool refuse_absent_storage(Context& context, std::string_view interface);

// The disk that an interface ("virtio") and the part of `spec` before ':' or '#' name; `spec` keeps what
// follows. nullptr, and one line that says why, if there is none. `number` is set to its number.
device::BlockDevice* find_disk(Context& context, std::string_view interface, std::string_view& spec,
                               u64& number);

// The table of a disk; nullptr, and one line, if it cannot be read.
std::unique_ptr<block::PartitionTable> read_table(Context& context, u64 number, device::BlockDevice& disk);

// The volume that `<interface> <dev>[:<part>|#<name>]` names: "0:2" that partition, "0#name" by name, ":0"
// the whole disk, no part the first bootable partition, else partition 1 (else the first one), or the whole
// disk if it has no table.
std::optional<block::Volume> find_volume(Context& context, std::string_view interface, std::string_view spec);

// The file system on it; nullptr, and the reason in U-Boot's words, if there is none.
std::unique_ptr<fs::FileSystem> open_file_system(Context& context, std::string_view interface,
                                                 std::string_view spec);

// "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": the first three groups are little endian on disk.
void print_guid(Writer& out, std::span<const u8, 16> guid);

} // namespace vireo::shell
