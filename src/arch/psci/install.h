// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/psci/description.h"

namespace vireo::arch::psci {

// Puts the resident PSCI into its block (layout.h), which nobody else uses. Returns where Vireo goes, with
// translation off, to enter the non-secure world. Secure world only.
uptr install(const Description& machine);

} // namespace vireo::arch::psci
