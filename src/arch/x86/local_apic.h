// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/x86/layout.h"
#include "arch/x86/processor.h"

// The processor's own interrupt controller and its timer (Intel's manual, volume 3A, chapter 11), where reset
// leaves it: in memory, not in x2APIC mode. It is the one timer that every machine of QEMU has, microvm with
// `pit=off` and `pic=off` too.
namespace vireo::arch::x86::local_apic {

// QEMU and KVM count nanoseconds before the divider, whatever the processor's clock is. By 16:
// 69 s fit 32 bits.
constexpr u64 timer_hertz = 1'000'000'000 / 16;
constexpr u32 divide_by_16 = 0x3;

enum Register : uptr {
    id = 0x020,
    end_of_interrupt = 0x0b0,
    spurious_vector = 0x0f0,
    timer_entry = 0x320,
    pin0_entry = 0x350, // LINT0: the 8259
    pin1_entry = 0x360, // LINT1: who wants a report
    timer_initial = 0x380,
    timer_current = 0x390,
    timer_divider = 0x3e0,
};
constexpr u32 masked = 1 << 16;
constexpr u32 non_maskable = 4 << 8; // delivered as such, without a vector
constexpr u32 external = 7 << 8;     // the 8259 says which vector

constexpr uptr base = 0xfee0'0000;
inline u32 read(Register offset) { return *reinterpret_cast<const volatile u32*>(base + offset); }
inline void write(Register offset, u32 value) { *reinterpret_cast<volatile u32*>(base + offset) = value; }

inline bool is_there() { return (cpuid(1).edx & 1 << 9) != 0; }

// Lets the timer count down to 0, once, and then ask for an interrupt: that only ends a sleep.
// After start_interrupts().
inline void start_timer(u32 counts) { write(timer_initial, counts); }

} // namespace vireo::arch::x86::local_apic
