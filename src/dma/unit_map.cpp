// SPDX-License-Identifier: Apache-2.0
#include "dma/unit_map.h"

namespace vireo::dma {

Result<UnitMap> UnitMap::create(u32 units) {
    if (units == 0 || units > max_units)
        return error(ErrorCode::InvalidArgument, "size of a DMA pool");
    UnitMap map;
    map.tags_ = VIREO_TRY(OwnedArray<u32>::create(units));
    map.free_units_ = units;
    map.mark(0, units, 0);
    return map;
}

void UnitMap::mark(u32 first, u32 count, u32 state) {
    tags_[first + count - 1] = count | state;
    tags_[first] = count | state | begins;
}

std::optional<u32> UnitMap::take(u32 count) {
    bool skipped_free = false;
    for (u32 first = first_free_; first < tags_.size(); first += length_of(tags_[first])) {
        u32 length = length_of(tags_[first]);
        if (tags_[first] & taken)
            continue;
        if (length < count) {
            skipped_free = true;
            continue;
        }
        mark(first, count, taken);
        if (length != count)
            mark(first + count, length - count, 0);
        if (!skipped_free)
            first_free_ = first + count;
        free_units_ -= count;
        return first;
    }
    return std::nullopt;
}

u32 UnitMap::taken_at(u32 first) const {
    if (first >= tags_.size() || (tags_[first] & (taken | begins)) != (taken | begins))
        return 0;
    return length_of(tags_[first]);
}

void UnitMap::give_back(u32 first) {
    u32 length = taken_at(first);
    VIREO_ASSERT(length != 0);
    free_units_ += length;
    u32 end = first + length;
    // What lies inside the merged run is neither a beginning nor an end any more.
    auto clear = [this](u32 unit) { tags_[unit] = 0; };
    if (end < tags_.size() && (tags_[end] & taken) == 0) {
        u32 next = length_of(tags_[end]);
        clear(end - 1);
        clear(end);
        length += next;
    }
    if (first > 0 && (tags_[first - 1] & taken) == 0) {
        u32 previous = length_of(tags_[first - 1]);
        clear(first - 1);
        clear(first);
        first -= previous;
        length += previous;
    }
    mark(first, length, 0);
    first_free_ = std::min(first_free_, first);
}

} // namespace vireo::dma
