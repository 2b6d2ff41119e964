// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/range.h"
#include "boot/acpi/table_loader.h"
#include "bus/fw_cfg/fw_cfg.h"
#include "system/memory_map.h"

namespace vireo::machine::pc {

// The ACPI tables and SMBIOS structures that the host makes, in memory for an operating system.
struct HostTables {
    u64 acpi_root = 0; // 0: there are none
    // The RAM that was taken for them, in whole pages: the table loader's files, the SMBIOS structures
    // and their entry point.
    FixedVector<Range, boot::most_table_files + 2> ranges;
};

// Puts them there, into RAM that is taken in `map` and, of what belongs below 1 MiB, into `segment`,
// which the caller owns and has made writable; empty: the machine has none, and that goes to other RAM.
// What the host does not have is not there afterwards. `into` is empty before, and after a failure,
// when nothing is taken.
Result<> make_host_tables(const bus::FwCfg& fw_cfg, system::MemoryMap& map, const Range& segment,
                          HostTables& into);

} // namespace vireo::machine::pc
