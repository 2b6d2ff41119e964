// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/context.h"

namespace vireo::shell {

// Counts down from `bootdelay` seconds and runs `bootcmd`, if that is set. Any key stops it and is swallowed.
// A delay of 0 looks for a key once; -1 never boots; -2 boots without looking. If it is not set and the host
// gives a kernel, that is booted, as with a delay of 0. Returns when the command has, or at once.
void autoboot(Context& context);

} // namespace vireo::shell
