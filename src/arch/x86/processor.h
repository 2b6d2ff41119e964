// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"

namespace vireo::arch::x86 {

struct Cpuid {
    u32 eax, ebx, ecx, edx;
};

// CPUID `leaf`. All zero for leaves that the processor does not have.
Cpuid cpuid(u32 leaf);

// 16 bytes from RDRAND, new ones at each call, in a place that stays; none from a processor
// that has none to give.
Bytes random_seed();

// How many bits of a physical address the processor has: 32 to 52.
unsigned physical_address_bits();

// Whether the processor, or the hypervisor behind it, says how fast the time-stamp counter counts.
bool tells_clock_rate();

// "CPU:   <brand>" as the processor calls itself.
void print_cpu(Writer& out);

// Restarts the processor the hard way: an exception without handlers. The machine's own reset comes first.
[[noreturn]] void triple_fault();

} // namespace vireo::arch::x86
