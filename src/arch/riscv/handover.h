// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::arch::riscv {

// What arch::enter_operating_system takes besides its arguments.
struct Handover {
    // That the operating system is told that it starts on.
    uptr hart = 0;
    // Machine mode: the instruction of the resident SBI to go on at, which then starts it in supervisor mode
    // (sbi/install.h).
    uptr sbi = 0;
};
void set_handover(const Handover& handover);

// The processor has a supervisor mode.
bool has_supervisor_mode();

} // namespace vireo::arch::riscv
