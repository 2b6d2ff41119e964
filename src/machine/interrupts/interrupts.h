// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/arch.h"
#include "machine/virt/devices.h"

namespace vireo::machine::virt {

// Lets the timer and the console end a sleep (arch/common/wake.h), as far as the interrupt controller is one
// that is known: GICv2, GICv3; PLIC, APLIC with or without IMSIC. Elsewhere sleeps are short, so that the
// console is polled often. Returns true if the console can wake the processor: then it shall announce its
// input. gic.cpp or plic.cpp, by architecture.
bool route_wake_sources(const Devices& devices, u32 processor);

// The other way, before an operating system takes over: nothing is enabled any more.
void release_wake_sources(const Devices& devices);

// After that, in the secure world of an Arm machine: all interrupts are the non-secure world's, for it to
// enable, but the one that wakes processors (arch/psci). False if the controller has not as many
// registers as it needs.
bool give_interrupts_to_non_secure_world(const Devices& devices);

// In ticks. Short enough for typing without a wake source, at well under 2 % of a processor; with one, short
// enough that an interrupt which does not arrive costs a moment and not the console.
inline u64 longest_sleep(bool console_wakes) { return arch::ticks_per_second() / (console_wakes ? 4 : 200); }

} // namespace vireo::machine::virt
