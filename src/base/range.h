// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/math.h"

namespace vireo {

// Addresses [base, base + bytes), which does not wrap.
struct Range {
    u64 base = 0;
    u64 bytes = 0;
    constexpr u64 end() const { return base + bytes; }
    constexpr bool overlaps(const Range& other) const {
        return ranges_overlap(base, bytes, other.base, other.bytes);
    }
    constexpr bool operator==(const Range&) const = default;
};

} // namespace vireo
