// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/psci/description.h"
#include "machine/virt/devices.h"
#include "system/memory_map.h"

namespace vireo::machine::virt {

// Whether an operating system can be started from the secure world of this machine: it has what the resident
// PSCI needs. NotSupported: what is missing.
Result<> can_leave_secure_world(const Devices& devices, const bus::fdt::Tree& tree);

// What the resident PSCI must know of a machine in which the processor with the affinity `own` (as in
// MPIDR) runs Vireo: all processors that the tree names, as far as there is room, and how the machine is
// switched off. Left to the caller are the counter's rate and where to start. NotFound: the tree does
// not name that processor.
Result<> describe_for_psci(const Devices& devices, const bus::fdt::Tree& tree, const system::MemoryMap& map,
                           u64 own, arch::psci::Description& description);

} // namespace vireo::machine::virt
