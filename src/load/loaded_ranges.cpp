// SPDX-License-Identifier: Apache-2.0
#include "load/loaded_ranges.h"

#include "base/result.h"

namespace vireo::load {

void LoadedRanges::remember(const Range& range, bool goes_on) {
    Range whole = range;
    for (usize i = 0; i < ranges_.size();) {
        bool continues = goes_on && ranges_[i].end() == range.base;
        if (continues)
            whole = {ranges_[i].base, ranges_[i].bytes + range.bytes};
        if (continues || ranges_[i].overlaps(range) || ranges_[i].base == range.base)
            ranges_.erase(i);
        else
            ++i;
    }
    if (ranges_.is_full())
        ranges_.erase(0);
    VIREO_ASSERT(ranges_.try_push_back(whole));
}

std::optional<u64> LoadedRanges::bytes_at(u64 address) const {
    for (const Range& range : ranges_)
        if (range.base == address)
            return range.bytes;
    return std::nullopt;
}

} // namespace vireo::load
