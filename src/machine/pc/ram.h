// SPDX-License-Identifier: Apache-2.0
#pragma once

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

} // namespace vireo::machine::pc
