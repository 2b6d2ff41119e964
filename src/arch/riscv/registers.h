// SPDX-License-Identifier: Apache-2.0
#pragma once

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
