// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/budget.h"
#include "event/event_loop.h"

namespace vireo::event {

// The patience that is left with one peer. Time in which the machine stood still is not held
// against the peer.
class Patience {
  public:
    // Begins now. `loop` stays in place.
    Patience(const EventLoop& loop, const Budget& budget);

    // `units` have come so far in all; more than before is progress: how long that took since the
    // progress before it, nothing if there is none. As late as the last turn of the loop, which costs
    // no look at the clock.
    Duration reached(u64 units);
    // When it ends if nothing more comes: for EventLoop::wait_until, which moves it while the
    // machine stands still.
    Deadline deadline() const;

    enum class Verdict : u8 {
        Left,    // there is patience left
        Silent,  // nothing came for too long
        TooSlow, // it came, but less than the least rate
    };
    // How it stands. Ask after a wait: what has come meanwhile must have been seen first.
    Verdict verdict() const;

    u64 units() const { return units_; }
    // Units a second that came since the peer fell behind its least rate: for whoever says
    // that it is too slow.
    u64 rate() const;
    // From the beginning to the last turn of the loop.
    Duration elapsed() const { return start_.until(loop_, loop_.turn_time()); }

  private:
    Instant silent_at() const { return last_progress_.after(loop_, budget_.silence); }
    Instant slow_at() const { return start_.after(loop_, allowed_); }

    const EventLoop& loop_;
    const Budget budget_;
    const Mark start_;
    Mark last_progress_;
    u64 units_ = 0;
    // Counted from the start: how long it may take as things are, and since when (and how many units) it has
    // been less than a head start from there.
    Duration allowed_;
    Duration behind_since_{};
    u64 behind_units_ = 0;
};

} // namespace vireo::event
