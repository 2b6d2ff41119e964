// SPDX-License-Identifier: Apache-2.0
#include "boot/plan/free_ram.h"

namespace vireo::boot {

const Range* FreeRam::in_the_way(const Range& range) const {
    const Range* found =
        std::ranges::find_if(taken_, [&](const Range& taken) { return taken.overlaps(range); });
    return found == taken_.end() ? nullptr : found;
}

std::optional<u64> FreeRam::lowest(const Wish& wish) const {
    std::optional<u64> found;
    map_.for_each_free_range([&](u64 base, u64 end) {
        u64 at = std::max(base, wish.from);
        end = std::min(end, wish.end);
        // Each round either ends or passes one more of what is taken.
        while (!found && at < end) {
            u64 gap = (wish.skew - at) & (wish.alignment - 1);
            if (!range_fits(gap, wish.bytes, end - at))
                return;
            at += gap;
            if (const Range* taken = in_the_way({at, wish.bytes}))
                at = taken->end();
            else
                found = at;
        }
    });
    return found;
}

std::optional<u64> FreeRam::highest(const Wish& wish) const {
    std::optional<u64> found; // that of the last range which has one
    map_.for_each_free_range([&](u64 base, u64 end) {
        base = std::max(base, wish.from);
        u64 top = std::min(end, wish.end);
        while (top > base && top - base >= wish.bytes) {
            u64 at = top - wish.bytes;
            u64 gap = (at - wish.skew) & (wish.alignment - 1);
            if (gap > at - base)
                return;
            at -= gap;
            const Range* taken = in_the_way({at, wish.bytes});
            if (!taken) {
                found = at;
                return;
            }
            top = taken->base;
        }
    });
    return found;
}

Range FreeRam::largest() const {
    Range found;
    map_.for_each_free_range([&](u64 base, u64 end) {
        // Each round either ends or passes one more of what is taken.
        while (base < end) {
            u64 stop = end;
            u64 next = end;
            for (const Range& taken : taken_) {
                if (taken.bytes == 0 || taken.end() <= base || taken.base >= stop)
                    continue;
                stop = std::max(base, taken.base);
                next = taken.end();
            }
            if (stop - base > found.bytes)
                found = {base, stop - base};
            base = next;
        }
    });
    return found;
}

} // namespace vireo::boot
