// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/machine.h"

namespace vireo::load {

// Why [base, base + bytes) cannot be written.
struct NotFree {
    u64 base = 0;
    u64 bytes = 0;
    // The first of those in the way, as long as the map stays as it is; nullptr: some of it is no RAM.
    const system::MemoryRegion* owner = nullptr;
};

// [address, address + bytes): RAM that belongs to nobody. No bytes at all are always free.
Result<MutableBytes, NotFree> writable_memory(const system::MemoryMap& map, system::Machine& machine,
                                              u64 address, u64 bytes);

// All free RAM from `address` on, at least a byte.
Result<MutableBytes, NotFree> free_memory_from(const system::MemoryMap& map, system::Machine& machine,
                                               u64 address);

// Where a file goes whose size is not known yet: to `address`, as far as nobody owns what lies there.
struct FreeMemory {
    const system::MemoryMap& map;
    system::Machine& machine;
    u64 address;
};

} // namespace vireo::load
