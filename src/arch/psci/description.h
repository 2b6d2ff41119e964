// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/psci/layout.h"
#include "base/std.h"

namespace vireo::arch::psci {

// What the resident PSCI must know of the machine, as plain numbers: what filled it in is gone
// when it is used.
struct Description {
    static constexpr u32 max_processors = VIREO_PSCI_MOST_PROCESSORS;
    // A line of a PL061 that does something to the machine. Controller 0: there is none.
    struct Line {
        uptr controller;
        u32 pin;
        u32 active_low;
    };

    u32 count;
    u32 gic_version;                 // 2 or 3
    uptr affinities[max_processors]; // as in MPIDR: its fields Aff3 to Aff0, all else 0
    uptr distributor;
    uptr interface; // GICv2: of a processor
    u32 counter_rate;
    uptr entry;       // where the first processor goes on in the non-secure world
    uptr argument;    // and what it is told
    u64 lowest_entry; // where code of the non-secure world may lie: RAM
    u64 entries_end;
    Line power_off;
    Line restart;
};
static_assert(offsetof(Description, affinities) == VIREO_PSCI_AFFINITIES_OFFSET);

} // namespace vireo::arch::psci
