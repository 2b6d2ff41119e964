// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/x86/ports.h"

// The 8254 programmable interval timer. Channel 0 raises interrupt line 0, channel 2 is free-running behind a gate.
namespace vireo::arch::x86::pit {

constexpr u64 hertz = 1'193'182;
constexpr u32 most_counts = 0xffff;

constexpr u16 channel0 = 0x40;
constexpr u16 channel2 = 0x42;
constexpr u16 control = 0x43;
constexpr u16 gate = 0x61; // bit 0: channel 2 counts; bit 1: it drives the speaker

// Control words: mode 0 (count down once, then raise the output), both bytes; hold the count for reading.
constexpr u8 count_down(unsigned channel) { return static_cast<u8>(channel << 6 | 0x30); }
constexpr u8 latch(unsigned channel) { return static_cast<u8>(channel << 6); }

// Line 0 rises once, `counts` from now.
inline void start_channel0(u32 counts) {
    out8(control, count_down(0));
    out8(channel0, static_cast<u8>(counts));
    out8(channel0, static_cast<u8>(counts >> 8));
}

// Channel 2 counts down from 0xffff and goes on below 0, silently.
inline void start_channel2() {
    out8(gate, static_cast<u8>((in8(gate) & ~0x02) | 0x01));
    out8(control, count_down(2));
    out8(channel2, 0xff);
    out8(channel2, 0xff);
}

} // namespace vireo::arch::x86::pit
