// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/common/layout.h"
#include "bus/fdt/tree.h"
#include "system/memory_map.h"

namespace vireo::machine::virt {

// What the machine has beyond is left alone.
inline constexpr u64 address_limit = u64{1} << VIREO_ADDRESS_BITS;

// What the device tree says about memory. Plain numbers: early code hands it on to the copy of the image,
// where a MemoryMap, which holds pointers to names, would not survive.
struct MemoryDescription {
    struct Entry {
        enum class Kind : u8 { Ram, ReservedMemory, ReservationBlock };
        Kind kind;
        bus::fdt::Region range;
    };
    static constexpr usize max_entries = 64;
    Entry entries[max_entries];
    usize count = 0;
    usize left_out = 0;   // entries beyond max_entries
    u64 out_of_reach = 0; // bytes of RAM above address_limit
};

// RAM (/memory), the reservation block and /reserved-memory.
void describe_memory(const bus::fdt::Tree& tree, MemoryDescription& description);

// Enters all that into a map. Fails if there is no RAM.
Result<> enter_memory(const MemoryDescription& description, system::MemoryMap& map);

} // namespace vireo::machine::virt
