// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::arch::x86 {

// The time-stamp counter counts at a constant but unknown rate; this finds the rate against a clock of known
// rate. Called once, as early as possible, before anything asks for ticks_per_second().

// Against the ACPI power-management timer (3.579545 MHz, 24 bits) at `port`: takes a first pair of readings
// and returns. The second pair is taken when ticks_per_second() is first called, so that the time in between,
// in which the machine does useful work, is the measuring window.
void start_clock_with_pm_timer(u16 port);

// The same against the local APIC's timer, for a machine without the above. After start_interrupts(). False
// if there is no such timer: then the rate is a guess.
bool start_clock_with_local_apic();

} // namespace vireo::arch::x86
