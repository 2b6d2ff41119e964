// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::arch::x86 {

// Leaves Vireo for an operating system's first instruction, by Linux' boot protocol for x86: interrupts and
// timers as reset left them; flat segments; on x86_64 translation is on and every address is its own up to 4
// GiB and where RAM is, unless `in_32_bit_mode`; then, and on x86, it is off. `description`: of boot_params.
[[noreturn]] void enter_operating_system(uptr entry, uptr description, bool in_32_bit_mode);

} // namespace vireo::arch::x86
