// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/range.h"
#include "base/result.h"

namespace vireo::boot {

// A piece of a file, and where in memory it belongs: zeroes follow up to memory_bytes.
struct Segment {
    u64 offset = 0; // in the file
    u64 file_bytes = 0;
    u64 address = 0; // physical
    u64 memory_bytes = 0;

    Range memory() const { return {address, memory_bytes}; }
    bool operator==(const Segment&) const = default;
};

// Those of one file, apart from each other, none of which wraps. A plain value: it is read out of a file
// once, and is what counts from there on.
class Segments {
  public:
    static constexpr usize most = 16;

    // Corrupt or TooLarge, with a text for the user. One of no bytes is left out.
    Result<> add(const Segment& segment);

    const Segment* begin() const { return segments_.data(); }
    const Segment* end() const { return segments_.data() + count_; }
    bool is_empty() const { return count_ == 0; }
    bool has(u64 address) const;

    // From the first one's beginning to the last one's end, in memory; and how long the file is at least.
    Range span() const;
    u64 file_bytes() const;

    // Whether they can be copied, in their order, out of a file that lies at `base`, without writing over
    // what is still to be read.
    bool can_be_copied_from(u64 base) const;

    bool operator==(const Segments&) const = default;

  private:
    std::array<Segment, most> segments_{};
    usize count_ = 0;
};

} // namespace vireo::boot
