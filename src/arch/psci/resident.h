// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/psci/service.h"

namespace vireo::arch::psci {

// The registers that arguments are in at first (x0 to x2; r0 to r2); the others are 0.
struct FirstArguments {
    uptr values[3];
};
// What an operating system's first processor is given; `tree` is where the device tree lies.
FirstArguments first_arguments(uptr tree);

// The answer to a call on processor `own`. If that is to stop, this does not return.
sptr serve(u32 own, const Call& call);

} // namespace vireo::arch::psci
