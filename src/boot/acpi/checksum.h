// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::boot {

// The sum of bytes, modulo 256: 0 over a whole ACPI table (ACPI 6.4, 5.2.6), and over SMBIOS' entry points.
inline u8 sum_of(Bytes bytes) {
    u8 sum = 0;
    for (std::byte byte : bytes)
        sum = static_cast<u8>(sum + std::to_integer<u8>(byte));
    return sum;
}

} // namespace vireo::boot
