// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/machine.h"

namespace vireo::shell {

// Where boot scripts put what they load: $kernel_addr_r and its like. The ranges are free RAM below 4
// GiB and do not overlap.
struct LoadAddresses {
    u64 kernel;
    u64 kernel_bytes;
    u64 device_tree; // of device_tree_bytes, as much as arm64 takes
    u64 script;      // of script_bytes
    u64 pxe_file;    // of pxe_file_bytes
    u64 ramdisk;
    u64 ramdisk_bytes; // all the RAM that there is from `ramdisk` on
};
inline constexpr u64 device_tree_bytes = 2 << 20;
inline constexpr u64 script_bytes = 1 << 20;
inline constexpr u64 pxe_file_bytes = 1 << 20;

// Places them in the RAM that is free now: the kernel as low as `wanted` allows, with room for 64 MiB or, in
// a small machine, for less, so that a ramdisk fits too; behind it the small files; the ramdisk above all of
// them, where 512 MiB fit or else in the largest piece. In a very small machine the kernel may lie lower than
// wanted. Nothing if not even 2 MiB for it are left.
std::optional<LoadAddresses> place_loads(const system::MemoryMap& memory,
                                         const system::Machine::KernelPlace& wanted);

} // namespace vireo::shell
