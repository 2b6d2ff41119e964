// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"

namespace vireo::device {

// How much a disk is asked for at once, after how long it took until now. A fast one gets all that there is
// to ask; one that has shown to be slow is asked for what it moves in four seconds, so that it is never
// silent for so long that it looks dead. A host that throttles holds each request back for what those before
// it cost: a single one that took long, or no time, says little about its own size, so only a run of slow
// ones counts, and the way back goes in steps.
class Pace {
  public:
    // `most`: bytes in flight together of a disk about which nothing is known.
    explicit constexpr Pace(u64 most) : most_(most), limit_(most) {}

    // So many bytes were there after a wait of so long.
    void note(u64 bytes, event::Duration took);
    // Nothing came for so long that the disk was given up: should it come back, it is asked
    // for little at first.
    void note_silence();
    // The most bytes to have in flight together; at least `least`.
    u64 most_in_flight() const { return limit_; }

    static constexpr u64 least = 4096;
    static constexpr u64 after_silence = u64{128} << 10;

  private:
    void remember(u64 bytes, event::Duration took);

    u64 most_;
    u64 limit_;
    // Of the latest run of slow waits, those of long ago counting less.
    unsigned waits_ = 0;
    u64 bytes_ = 0;
    event::Duration time_{};
};

} // namespace vireo::device
