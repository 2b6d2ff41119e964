// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "machine/virt/devices.h"

namespace vireo::machine::virt {

// Tells the processor's back end where this hart's machine timer lies (riscv: CLINT or ACLINT). A tree
// without one leaves the defaults.
void start_hart_timer(const Devices& devices, u32 hart);

// The timer of `hart` was found in the tree, or is the firmware's (supervisor mode).
bool has_hart_timer(const Devices& devices, u32 hart);

} // namespace vireo::machine::virt
