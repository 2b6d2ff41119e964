// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// How arch::idle_until may sleep: what the machine found out about interrupts (arm, arm64, riscv).
namespace vireo::arch {

struct Wake {
    // The timer's interrupt reaches the processor. Without it there is no sleep at all.
    bool timer = false;
    // In ticks: less than forever if the console cannot wake the processor, so that it is
    // polled often enough.
    u64 longest_sleep = 0;
    // Called after each sleep: takes pending interrupts from a controller that wants that. The source itself
    // is served by polling.
    void (*acknowledge)() = nullptr;
};

void set_wake(const Wake& wake);
const Wake& wake();

} // namespace vireo::arch
