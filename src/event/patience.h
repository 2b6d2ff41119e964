// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/event_loop.h"

namespace vireo::event {

// What a transfer, a question or a wait may cost: how long nothing may come, and how slow the whole may be. Every peer has
// one: a device, a server, the reader of the console. Units are bytes unless the owner says otherwise.
struct Budget {
    // The longest time in which nothing comes.
    Duration silence;
    // What the whole may take however little comes: to connect, to be asked twice, to spin up.
    Duration head_start;
    // Units a second that must come on average; one that trickles has its silence broken again and again, and is ended by
    // this. What comes sooner is no credit for later beyond the head start: who sends much at once and trickles then is
    // ended a head start later. 0: the head start is all the time there is.
    u64 least_rate = 0;
};

// The patience that is left with one peer. Time in which the machine stood still is not held against the peer (EventLoop::stood_still).
class Patience {
  public:
    // Begins now. `loop` stays in place.
    Patience(const EventLoop& loop, const Budget& budget);

    // `units` have come so far in all; more than before is progress. As late as the last turn of the loop, which costs no
    // look at the clock.
    void reached(u64 units);
    // When it ends if nothing more comes: for EventLoop::wait_until, which moves it while the machine stands still.
    Deadline deadline() const;

    enum class Verdict : u8 {
        Left,    // there is patience left
        Silent,  // nothing came for too long
        TooSlow, // it came, but less than the least rate
    };
    // How it stands. Ask after a wait: what has come meanwhile must have been seen first.
    Verdict verdict() const;

    u64 units() const { return units_; }
    Instant start() const { return start_; }
    // Units a second that came since the peer fell behind its least rate: for whoever says that it is too slow.
    u64 rate() const;
    // Since it began, without the time in which the machine stood still.
    Duration elapsed() const;

  private:
    Instant silent_at() const;
    Instant slow_at() const;

    const EventLoop& loop_;
    const Budget budget_;
    const Instant start_;
    const Duration still_before_;
    Instant last_progress_;
    Duration still_before_progress_;
    u64 units_ = 0;
    // In time without stand-stills, since the start: how long it may take as things are, and since when (and how many units)
    // it has been less than a head start from there.
    Duration allowed_;
    Duration behind_since_{};
    u64 behind_units_ = 0;
};

} // namespace vireo::event
