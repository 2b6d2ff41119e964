// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"
#include "base/fixed_vector.h"
#include "base/range.h"
#include "base/result.h"
#include "system/memory_map.h"

namespace vireo::boot {

// A range of physical addresses as an operating system on a PC is told of it (ACPI 6.4, 15.4). This layout is
// that of boot_params' e820 table, too.
struct AddressRange {
    static constexpr u32 memory = 1;
    static constexpr u32 reserved = 2;

    Le<u64> base;
    Le<u64> bytes;
    Le<u32> type;
};
static_assert(sizeof(AddressRange) == 20);

// As many as boot_params has room for.
using AddressMap = FixedVector<AddressRange, 128>;

// The whole map, upwards and disjoint: RAM less what is reserved, and what is reserved. `reserved` and
// `out_of_reach`, further RAM, are those of system::Machine's tables; what Vireo itself has in `map` is the
// operating system's RAM. `into` is empty. TooLarge: there are more ranges than it has room for. A range that
// wraps is cut at the end of the address space.
Result<> make_address_map(const system::MemoryMap& map, std::span<const Range> reserved, AddressMap& into,
                          std::span<const Range> out_of_reach = {});

} // namespace vireo::boot
