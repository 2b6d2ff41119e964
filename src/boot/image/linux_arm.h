// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "boot/image/needs.h"

namespace vireo::boot {

// What a 32-bit Arm zImage asks for (Linux, Documentation/arch/arm/booting.rst). It inflates itself to the
// start of RAM: the end of the file and its table of sizes say how much that takes; without them 32 MiB are
// left free. Corrupt: `file` ends before the header does, or its sizes make no sense.
Result<Needs> read_linux_arm(Bytes file, u64 ram);

} // namespace vireo::boot
