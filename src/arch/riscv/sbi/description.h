// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/riscv/sbi/layout.h"
#include "base/std.h"

namespace vireo::arch::riscv::sbi {

// What the SBI must know of the machine, as plain numbers: what filled it in is gone when it is used.
// An address of 0: there is no such register.
struct Description {
    static constexpr u32 max_harts = VIREO_SBI_MOST_HARTS;
    struct Hart {
        u32 id;
        u32 unused;
        uptr software_interrupt; // 32 bits; 1 interrupts the hart
        uptr compare;            // of its timer, 64 bits
    };
    struct Register {
        uptr address; // 32 bits
        u32 value;    // to be written there
    };

    u32 hart_count;
    u32 patience; // ticks that harts have to come under the SBI
    Hart harts[max_harts];
    uptr counter; // of ticks
    uptr console; // a 16550 with its registers a byte apart
    Register power_off;
    Register restart;
};
static_assert(offsetof(Description, harts) == VIREO_SBI_HARTS_OFFSET);
static_assert(sizeof(Description::Hart) == VIREO_SBI_HART_BYTES);

} // namespace vireo::arch::riscv::sbi
