// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// The Supervisor Binary Interface: what supervisor mode asks the firmware below it for. Never called in
// machine mode, where there is none.
namespace vireo::arch::riscv::sbi {

struct Answer {
    std::intptr_t error; // 0: none
    uptr value;
};

// A call with up to three arguments (SBI 3).
Answer call(uptr extension, uptr function, uptr a0 = 0, uptr a1 = 0, uptr a2 = 0);

// The extensions that Vireo knows, by their numbers.
constexpr uptr set_timer_0_1 = 0; // of SBI 0.1, as the next two: the extension is the function
constexpr uptr put_character_0_1 = 1;
constexpr uptr get_character_0_1 = 2;
constexpr uptr base = 0x10;                          // (4)
constexpr uptr timer = 0x54494d45;                   // TIME (6)
constexpr uptr inter_processor_interrupt = 0x735049; // sPI (7)
constexpr uptr remote_fence = 0x52464e43;            // RFNC (8)
constexpr uptr hart_state = 0x48534d;                // HSM (9)
constexpr uptr system_reset = 0x53525354;            // SRST (10)
constexpr uptr debug_console = 0x4442434e;           // DBCN (12)

// False also for an implementation of SBI 0.1, which cannot be asked (4.4).
bool has(uptr extension);

} // namespace vireo::arch::riscv::sbi
