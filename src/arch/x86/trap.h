// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::arch::x86 {

// Tells the interrupt controller that the handler of `line` is done. Called with interrupts off.
void acknowledge_interrupt(u8 line);

} // namespace vireo::arch::x86
