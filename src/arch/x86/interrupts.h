// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::arch::x86 {

// The device that may end a sleep besides the timer: the console.
struct WakeSource {
    u8 line = 0; // of the interrupt controller, 1 to 15
    // starts and stops its requests; starting raises one for what is already there
    void (*announce)(bool on) = nullptr;
};

// Exception and interrupt handlers. From here on a fault is reported and stops the machine
// instead of restarting it.
void start_exceptions();

// The interrupt controller, with every line masked except the timer's and `source`'s. Interrupts are enabled
// only inside arch::idle_until. `source.announce` is called with interrupts held.
void start_interrupts(const WakeSource& source);

// All of it as reset left it, and nothing pending: for an operating system. No sleep ends after this.
void stop_interrupts();

} // namespace vireo::arch::x86
