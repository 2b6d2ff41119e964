// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// What the layers above need from the processor. One back end for each instruction set in arch/<isa>/, one in
// hosted/ (with a virtual clock in unit tests); chosen at link time, so there is no table of functions.
namespace vireo::arch {

// --- time -----------------------------------------------------------------------------------------------------

// A counter that starts near power-on, never goes back and runs at a constant rate.
u64 ticks();

// Its rate in Hz. Constant once the machine has started; never 0.
u64 ticks_per_second();

// --- waiting --------------------------------------------------------------------------------------------------

// A short pause inside a polling loop; returns at once.
void relax();
// How often a polling loop looks at memory before it looks at clocks and registers once, which cost more.
unsigned looks_per_turn();

// Sleeps until `deadline` (in ticks) at the latest, or until a wake source has something: console input. May
// return early for no reason. The caller has polled everything and found nothing; a wake that arrives between
// that poll and the sleep is not lost, because sources stay pending while interrupts are held.
void idle_until(u64 deadline);

// --- memory order ---------------------------------------------------------------------------------------------
// Device-grade barriers (full system, not only other cores). Only dma/barriers.h calls these,
// and says why there.

void barrier_full();
void barrier_release(); // earlier loads and stores before later stores
void barrier_acquire(); // earlier loads before later loads and stores

// Makes instructions that were just written as data visible to instruction fetch.
void sync_instruction_cache(const void* start, usize bytes);

// --- the end --------------------------------------------------------------------------------------------------

// Stops this processor for ever, with interrupts off.
[[noreturn]] void halt();

// What follows the message about a defect of our own: a trace of the callers, then the machine starts anew,
// as after an exception; before the machine knows how, it halts.
[[noreturn]] void stop_after_defect();

// The word for this instruction set: "arm", "arm64", "riscv32", "riscv64", "x86", "x86_64", "hosted".
std::string_view name();

} // namespace vireo::arch
