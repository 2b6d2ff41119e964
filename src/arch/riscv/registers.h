// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/riscv/processor.h"
#include "base/std.h"

// Control and status registers by name.
#define VIREO_READ_CSR(name)                                                                                 \
    ({                                                                                                       \
        ::vireo::uptr vireo_csr_value_;                                                                      \
        asm volatile("csrr %0, " #name : "=r"(vireo_csr_value_) : : "memory");                               \
        vireo_csr_value_;                                                                                    \
    })
#define VIREO_WRITE_CSR(name, value)                                                                         \
    asm volatile("csrw " #name ", %0" : : "r"(::vireo::uptr{value}) : "memory")

// Those that both modes have, by the name without its first letter: cause, epc, ie, scratch,
// status, tval, tvec.
#define VIREO_READ_MODE_CSR(name)                                                                            \
    (::vireo::arch::riscv::is_supervisor() ? VIREO_READ_CSR(s##name) : VIREO_READ_CSR(m##name))
#define VIREO_WRITE_MODE_CSR(name, value)                                                                    \
    do {                                                                                                     \
        if (::vireo::arch::riscv::is_supervisor())                                                           \
            VIREO_WRITE_CSR(s##name, value);                                                                 \
        else                                                                                                 \
            VIREO_WRITE_CSR(m##name, value);                                                                 \
    } while (false)
