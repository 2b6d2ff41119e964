// SPDX-License-Identifier: Apache-2.0
#include "arch/psci/resident.h"

namespace vireo::arch::psci {

// No machine number: the tree says what it is.
FirstArguments first_arguments(uptr tree) { return {0, ~uptr{0}, tree}; }

// The first four registers of a caller, as entry_arm.S saves them.
extern "C" void vireo_psci_trap(uptr* registers, u32 own) {
    registers[0] = static_cast<uptr>(serve(own, {registers[0], {registers[1], registers[2], registers[3]}}));
}

} // namespace vireo::arch::psci
