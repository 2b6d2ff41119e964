// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/riscv/sbi/description.h"

namespace vireo::arch::riscv::sbi {

// Puts the resident SBI into its block (layout.h), which nobody else uses. Returns where the first hart goes
// on (arch/riscv/handover.h); harts that are parked go there when they are interrupted. Machine mode.
uptr install(const Description& machine);

} // namespace vireo::arch::riscv::sbi
