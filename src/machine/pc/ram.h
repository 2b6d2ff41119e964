// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/range.h"
#include "bus/fw_cfg/fw_cfg.h"
#include "system/memory_map.h"

namespace vireo::machine::pc {

// What QEMU says about the address space.
struct RamLayout {
    u64 low_end = 0;  // of the RAM below 4 GiB
    u64 high_end = 0; // of all that RAM and memory hot-plug use; at least 4 GiB
};

// Adds the machine's RAM to `memory`, from fw_cfg's e820 table or, where that (or `fw_cfg`: null) is missing
// or makes no sense, from the CMOS memory; and reserves what is taken already: the first MiB, the image, the
// stack. RAM that this processor mode cannot reach is left out, with a warning.
RamLayout find_ram(const bus::FwCfg* fw_cfg, system::MemoryMap& memory);

// What the host says about addresses that operating systems need to know, and Vireo does not.
struct HostRanges {
    static constexpr usize most = 64;
    FixedVector<Range, most> reserved; // RAM or not
};
// Reads fw_cfg's e820 table again. Nothing if that is missing or makes no sense: find_ram said so.
void find_host_ranges(const bus::FwCfg& fw_cfg, HostRanges& ranges);

} // namespace vireo::machine::pc
