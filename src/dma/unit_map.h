// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"

namespace vireo::dma {

// Which units of a range are taken, in runs of consecutive ones. It keeps its books in private memory only,
// so they can be kept about memory that somebody else can write to. First fit: what is busy crowds at the
// start, and long runs stay whole at the end.
class UnitMap {
  public:
    UnitMap() = default;
    // All units free; at most `max_units`. Errors: NoMemory.
    static Result<UnitMap> create(u32 units);

    // Takes a run of `count` units, at least one: the number of its first. Empty: no free run is that long.
    std::optional<u32> take(u32 count);
    // How long the taken run is that begins at `first`; 0 if none begins there.
    u32 taken_at(u32 first) const;
    // Frees the taken run that begins at `first` (asserted); it merges with free neighbours.
    void give_back(u32 first);

    u32 free_units() const { return free_units_; }

    static constexpr u32 max_units = (u32{1} << 30) - 1;

  private:
    static constexpr u32 taken = u32{1} << 31;
    static constexpr u32 begins = u32{1} << 30;
    static u32 length_of(u32 tag) { return tag & max_units; }
    void mark(u32 first, u32 count, u32 state);

    // For the first and the last unit of each run its length and state; 0 for those between. `begins` tells
    // the first from the last.
    OwnedArray<u32> tags_;
    u32 first_free_ = 0; // no run before this unit is free
    u32 free_units_ = 0;
};

} // namespace vireo::dma
