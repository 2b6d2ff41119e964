// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// What arm and arm64 both have and the machine layer needs.
namespace vireo::arch {

// QEMU's; for a processor whose CNTFRQ nobody has set.
constexpr u64 default_counter_rate = 62'500'000;

enum class PsciConduit : u8 { Hvc, Smc };

// One call of the Power State Coordination Interface (Arm DEN 0022) without arguments. Returns its result:
// negative numbers are errors; SYSTEM_OFF and SYSTEM_RESET return only if they failed.
i64 psci_call(PsciConduit conduit, u32 function);

// Of the data caches, the shortest line.
uptr data_line_bytes();

// Masks all interrupts and switches the timer off, for good.
void stop_interrupts();

// Aff3.Aff2.Aff1.Aff0 of this processor, a byte each.
u64 processor_affinity();

// Lets every interrupt through to this processor (GICv3 by system registers). False if the
// processor has none.
bool enable_gic_v3_interface();
// Lets none through.
void disable_gic_v3_interface();

} // namespace vireo::arch
