// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/image/needs.h"

namespace vireo::boot {

// What a kernel of segments reaches that is entered in 32-bit mode: the first 4 GiB, and with its own first
// tables often only what is near it. One of 32 bits has an initrd within the memory that it maps from the
// start, with the usual split of addresses.
inline constexpr u64 low_memory_of_32_bits = 0x3800'0000;

inline void enter_in_32_bit_mode(Needs& needs, bool is_64_bit) {
    constexpr u64 four_gib = u64{1} << 32;
    needs.in_32_bit_mode = true;
    needs.kernel.end = four_gib;
    needs.initrd.end = is_64_bit ? four_gib : low_memory_of_32_bits;
    needs.description = {.alignment = 64 << 10, .end = four_gib};
    needs.is_description_low = true;
}

} // namespace vireo::boot
