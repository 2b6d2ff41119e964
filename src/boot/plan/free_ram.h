// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/range.h"
#include "system/memory_map.h"

namespace vireo::boot {

// RAM that nobody owns, less what a plan takes of it. It takes nothing from the map itself.
class FreeRam {
  public:
    explicit FreeRam(const system::MemoryMap& map) : map_(map) {}

    // At most as many as a plan has parts, each where it is and where it goes, where a kernel unpacks, and a
    // dozen files that stay.
    void take(const Range& range) { VIREO_ASSERT(taken_.try_push_back(range)); }

    // Where something may lie: in [from, end), `skew` above a multiple of `alignment`, a power of two.
    struct Wish {
        u64 bytes;
        u64 alignment;
        u64 skew = 0;
        u64 from = 0;
        u64 end = ~u64{0};
    };
    // The lowest, or highest, such place; nothing if there is none.
    std::optional<u64> lowest(const Wish& wish) const;
    std::optional<u64> highest(const Wish& wish) const;
    // The longest range, of several as long the lowest; no bytes: there is none.
    Range largest() const;

  private:
    const Range* in_the_way(const Range& range) const;

    const system::MemoryMap& map_;
    FixedVector<Range, 20> taken_;
};

} // namespace vireo::boot
