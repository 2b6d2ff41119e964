// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/fdt/tree.h"
#include "system/machine.h"

namespace vireo::machine::virt {

// What QEMU's reset ROM passes on in a2 on RISC-V, to whatever runs in machine mode (OpenSBI's struct
// fw_dynamic_info): with -bios and -kernel, QEMU puts the kernel into RAM itself, and says here where.
struct ResetRecord {
    static constexpr uptr right_magic = 0x4942534f;
    uptr magic;
    uptr version;
    uptr next_address; // what runs after us; 0: nothing is known to
    uptr next_mode;
    uptr options;
    uptr boot_hart;
};

// The kernel that the record names, and what the tree's /chosen says besides. `record` may be null. NotFound
// if there is none, or something in flash, which is no operating system; Corrupt if the record is none.
// `memory` is where an address of RAM can be read.
Result<system::Machine::GivenKernel> find_given_kernel(const ResetRecord* record, const bus::fdt::Tree& tree,
                                                       const system::MemoryMap& map,
                                                       const std::byte* (*memory)(u64 address));

// That of this machine, from where the reset ROM left it.
Result<system::Machine::GivenKernel> given_kernel(const bus::fdt::Tree& tree, const system::MemoryMap& map);

// What nobody must write to until a user can say what he wants. Plain numbers, as MemoryDescription's.
struct KeptRanges {
    Range ranges[2];
    usize count;
    std::span<const Range> all() const { return {ranges, count}; }
};

// Reserves a kernel and its initrd if both can be booted as far as anybody knows, and Vireo has room beside
// them: others will be refused, so they are not kept.
KeptRanges keep(const system::Machine::GivenKernel& given, system::MemoryMap& map);
// The same ranges in the map of the image's copy.
Result<> keep(const KeptRanges& kept, system::MemoryMap& map);

} // namespace vireo::machine::virt
