// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/riscv/start_mode.h"
#include "base/std.h"

extern "C" {
#pragma GCC visibility push(hidden)
extern const vireo::u32 vireo_start_mode;
extern const vireo::uptr vireo_reset_record; // 0: none
#pragma GCC visibility pop
}

namespace vireo::arch::riscv {

// Supervisor mode, under an SBI implementation (sbi.h), instead of machine mode.
inline bool is_supervisor() { return (vireo_start_mode & START_SUPERVISOR) != 0; }

// Where QEMU's reset ROM has its word of what else was loaded (machine/virt/given_kernel.h); 0: we
// do not come from there.
inline uptr reset_record() { return vireo_reset_record; }

// The cause of external interrupts in that mode.
inline u32 external_interrupt_cause() { return is_supervisor() ? 9 : 11; }

// From where the image was loaded, this much stays in use: harts that lost the race for the machine sleep
// there. None: they sleep in flash, or the SBI implementation has not let them go.
usize parking_bytes();

// The timer of this hart: its rate and, for machine mode, where its counter and its compare register lie.
// Until it is set, all are those of QEMU's virt machine and its first hart.
struct Timer {
    uptr counter = 0x200bff8;
    uptr compare = 0x2004000;
    u64 ticks_per_second = 10'000'000;
};
void set_timer(const Timer& timer);

// Machine mode, with page tables in satp: loads and stores go by them from here on (mmu.cpp).
void start_translating_data();

} // namespace vireo::arch::riscv
