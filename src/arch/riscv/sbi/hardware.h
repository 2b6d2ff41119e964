// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/riscv/sbi/description.h"

namespace vireo::arch::riscv::sbi {

// The hart that runs this, in machine mode: see Harts and Service.
struct MachineMode {
    static void fence();
    static void interrupt(const Description::Hart& hart);
    static void set_timer(const Description::Hart& hart, bool by_register, u64 when);
    static void wait();
    static bool read(uptr address, u8& byte);
    static bool write(uptr address, u8 byte);
    static bool can_send(uptr console);
    static void send(uptr console, u8 byte);
    static bool receive(uptr console, u8& byte);
    static void set(const Description::Register& how);
    static uptr vendor();
    static uptr architecture();
    static uptr implementation();

    // The rest is not asked for by callers. What a hart is like before supervisor mode runs on it: nothing of
    // ours is accessible, everything else is, as are time and what the processor has to offer. True if the
    // timer of supervisor mode is among that.
    static bool set_up(const Description::Hart& hart);
    // Without one: what the machine's timer has interrupted us for.
    static void pass_timer_on();
    static void clear_interrupt(const Description::Hart& hart);
    static void signal_supervisor();
    static bool is_interrupted();
    static u32 ticks(uptr counter);
};

} // namespace vireo::arch::riscv::sbi
