// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::arch::x86 {

// Leaves Vireo for an operating system's first instruction: interrupts and timers as reset left them; flat
// segments; on x86_64 translation is on and every address is its own up to 4 GiB and where RAM is, unless
// `in_32_bit_mode`; then, and on x86, it is off. `magic` 0: by Linux' boot protocol, with the address of
// boot_params in esi. Otherwise, and in 32-bit mode, with that in eax, and `description` in ebx.
[[noreturn]] void enter_operating_system(uptr entry, uptr description, u32 magic, bool in_32_bit_mode);

} // namespace vireo::arch::x86
