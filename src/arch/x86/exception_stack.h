// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::arch::x86 {

// What the gate of an exception names so that its handler gets a stack of its own, and a stack
// overflow is reported as well. On x86_64 every exception does. On i386 only a task gate does, which
// is for the double fault that comes of pushing a page fault's frame onto a stack that has ended:
// `selector` is the handler's task.
#ifdef __x86_64__
constexpr u8 exception_stack_number = 1;
#else
constexpr u16 double_fault_selector = 0x20;
constexpr u8 double_fault = 8;

// The failed code's state, once `vireo_double_fault` runs.
struct FailedState {
    uptr ip, flags, ax, cx, dx, bx, sp, bp, si, di;
};
const FailedState& failed_state();
#endif

// Loads a descriptor table of our own, with the task states that this takes.
void start_exception_stack();

} // namespace vireo::arch::x86
