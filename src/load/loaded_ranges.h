// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/range.h"

namespace vireo::load {

// Where files were brought to, for whoever is told an address later and wants to know how much lies there.
// Keeps the last few; what was written over in the meantime is not known to it, but for later files.
class LoadedRanges {
  public:
    // A file, or a part of one, lies in `range` now. `goes_on`: it is not the file's beginning, and belongs
    // to what ends where it begins.
    void remember(const Range& range, bool goes_on);

    // How many bytes have been brought to this address; nothing if none were, or they were written over.
    std::optional<u64> bytes_at(u64 address) const;

    // All of them that are remembered.
    std::span<const Range> all() const { return {ranges_.data(), ranges_.size()}; }
    static constexpr usize most = 8;

  private:
    FixedVector<Range, most> ranges_; // apart from each other, the oldest first
};

} // namespace vireo::load
