// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Registers of coprocessor 15; `where` is the rest of the operands with %0 for the value, e.g.
// "0, %0, c1, c0, 0".
#define VIREO_READ_CP15(where)                                                                               \
    ({                                                                                                       \
        ::vireo::u32 vireo_register_value_;                                                                  \
        asm volatile("mrc p15, " where : "=r"(vireo_register_value_));                                       \
        vireo_register_value_;                                                                               \
    })
#define VIREO_WRITE_CP15(where, value) asm volatile("mcr p15, " where : : "r"(::vireo::u32{value}) : "memory")
