// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/plan/plan.h"
#include "system/machine.h"

namespace vireo::boot {

// Moves a part to its place.
void lay_out(system::Machine& machine, const Placed& part);

// Moves the kernel of a plan that was verified to its place, in pieces if it comes in some.
void lay_out_kernel(system::Machine& machine, const Plan& plan);

} // namespace vireo::boot
