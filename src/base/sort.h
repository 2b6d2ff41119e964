// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// Sorts in place; equal ones in any order. For some thousands of small items at most: it takes n^1.5
// comparisons for the worst order (Shell's sort with Knuth's distances), and a tenth of the code that
// each use of std::sort is.
template <typename T, typename Less> void sort_few(std::span<T> items, Less less) {
    usize gap = 1;
    while (gap < items.size() / 3)
        gap = gap * 3 + 1;
    for (; gap > 0; gap /= 3) {
        for (usize i = gap; i < items.size(); ++i) {
            T* place = items.data() + i; // no checked access: the innermost of three loops
            T item = *place;
            for (; place >= items.data() + gap && less(item, *(place - gap)); place -= gap)
                *place = *(place - gap);
            *place = item;
        }
    }
}

} // namespace vireo
