// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// What of SecureMonitor the two instruction sets say in different words.
namespace vireo::arch::psci {

inline constexpr u32 no_interrupt = 1020; // the first of the numbers that mean none

// GICv3's registers in the processor: themselves switched on; group 0 let through or not, group 1 not; the
// most urgent of group 0 taken and ended; ICC_SGI0R written.
void set_up_gic_v3();
void listen_gic_v3(bool to_wakes);
u32 take_interrupt_gic_v3();
void send_gic_v3(u64 command);

void wait_for_interrupt();
// All of SecureMonitor::set_up() but for interrupts.
void set_up_processor(u32 counter_rate);

} // namespace vireo::arch::psci
