// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Control and status registers of machine mode, by name or number.
#define VIREO_SBI_READ(name)                                                                                 \
    ({                                                                                                       \
        ::vireo::uptr vireo_csr_value_;                                                                      \
        asm volatile("csrr %0, " #name : "=r"(vireo_csr_value_) : : "memory");                               \
        vireo_csr_value_;                                                                                    \
    })
#define VIREO_SBI_WRITE(name, value)                                                                         \
    asm volatile("csrw " #name ", %0" : : "r"(::vireo::uptr{value}) : "memory")

// Writes one that not all processors have, and reads back what has stuck: 0 if it is not there. The trap ends
// just behind; it changes mepc, mcause, mtval and mstatus.
#define VIREO_TRY_CSR_WRITE(name, value)                                                                     \
    ({                                                                                                       \
        ::vireo::uptr vireo_csr_value_ = 0;                                                                  \
        asm volatile("lla t0, 1f\n"                                                                          \
                     "csrrw t0, mtvec, t0\n"                                                                 \
                     "csrw " #name ", %1\n"                                                                  \
                     "csrr %0, " #name "\n"                                                                  \
                     ".balign 4\n"                                                                           \
                     "1: csrw mtvec, t0"                                                                     \
                     : "+&r"(vireo_csr_value_)                                                               \
                     : "r"(::vireo::uptr{value})                                                             \
                     : "t0", "memory");                                                                      \
        vireo_csr_value_;                                                                                    \
    })
