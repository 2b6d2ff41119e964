// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// System registers by their name in the Arm ARM.
#define VIREO_READ_REGISTER(name)                                                                            \
    ({                                                                                                       \
        ::vireo::u64 vireo_register_value_;                                                                  \
        asm volatile("mrs %0, " #name : "=r"(vireo_register_value_));                                        \
        vireo_register_value_;                                                                               \
    })
#define VIREO_WRITE_REGISTER(name, value)                                                                    \
    asm volatile("msr " #name ", %0" : : "r"(::vireo::u64{value}) : "memory")

namespace vireo::arch {

// Vireo runs at EL2 when it was started there, else at EL1.
inline bool at_el2() { return VIREO_READ_REGISTER(currentel) == 8; }

} // namespace vireo::arch
