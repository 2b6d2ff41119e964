// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/intrusive_list.h"
#include "base/result.h"
#include "event/clock.h"
#include "event/request.h"

namespace vireo::event {

// Something that may have news: a device's queues, the console. Leaves the loop when it is destroyed.
class Poller : public ListNode {
  public:
    // Looks once, does what there is to do (completes requests), returns true if there was anything. Must not
    // block and must not call EventLoop::wait.
    virtual bool poll() = 0;
    // True while something is outstanding that no wake source announces (virtqueues are polled): the loop
    // then spins instead of sleeping.
    virtual bool needs_polling() const = 0;
    // True while news may come unasked that no wake source announces (frames): the loop then spins for a
    // while after the last news, and naps after that.
    virtual bool is_listening() const { return false; }
    // Of one that needs polling or listens: whether poll() would find something that somebody waits for, as
    // memory alone shows it. It is asked very often: no register, no clock. True if memory cannot tell.
    virtual bool has_news() const { return true; }

  protected:
    ~Poller() = default;

  private:
    friend class EventLoop;
    bool is_watched_ = false;
};

class EventLoop;

// A moment, past or to come, from which time is counted. Time in which the machine stands still from here
// on does not count (EventLoop::stood_still).
class Mark {
  public:
    Mark(const EventLoop& loop, Instant at);
    Instant at() const { return at_; }
    // When so much time will have passed since then; never, if that is beyond all times.
    Instant after(const EventLoop& loop, Duration time) const;
    // How much has passed until `now`; nothing if that was before.
    Duration until(const EventLoop& loop, Instant now) const;

  private:
    Duration still(const EventLoop& loop) const;
    Instant at_;
    Duration still_before_;
};

// Runs everything that happens while some synchronous code waits. One thread; completions run
// here and nowhere else.
class EventLoop {
  public:
    // Who joins expects something soon: the loop is attentive, as after news.
    void add(Poller& poller) {
        pollers_.push_back(poller);
        has_news_ = true;
    }
    static void remove(Poller& poller) { IntrusiveList<Poller>::remove(poller); }

    // A turn: looks at every poller once; true if any had something.
    bool poll_once() { return turn(Duration{}); }
    // When the last turn began: what a clock says that costs nothing, and is late by a millisecond or so
    // while somebody waits.
    Instant turn_time() const { return turn_time_; }
    // How long the machine has stood still in all between two turns: its host was stopped, or busy elsewhere.
    // Nobody who was waited for could have answered meanwhile. Jumps of a second and more, but for one that
    // follows another within a second: a machine that only ever stumbles still comes to the end of every
    // wait, in twice the time.
    Duration stood_still() const { return stood_still_; }

    // Runs until `condition` holds. Timeout when the deadline passes first, Interrupted after Ctrl-C.
    // Whatever was in flight stays in flight: the caller who gives up cancels it with its device. Time in
    // which the machine stands still meanwhile moves the deadline.
    template <typename Condition> Result<> wait_until(Deadline deadline, Condition&& condition) {
        Wait wait{Mark(*this, deadline.when())};
        while (!condition())
            VIREO_TRY(go_on(wait));
        return {};
    }
    Result<> wait(Request& request, Deadline deadline) {
        return wait_until(deadline, [&] { return request.is_done(); });
    }
    // A turn for all others in the middle of what takes long. Interrupted after Ctrl-C.
    Result<> yield();
    // Lets time pass, keeping everything running. It passes while the machine stands still, too.
    Result<> sleep(Duration duration);

    // Makes the current wait (or, if there is none, the next) return Interrupted. Called by
    // the console's poller.
    void request_interrupt() { interrupt_requested_ = true; }
    void clear_interrupt() { interrupt_requested_ = false; }

  private:
    // One wait_until(), between two looks at its condition.
    struct Wait {
        Mark end; // when it ends in vain
        bool has_turned = false;
    };
    Result<> go_on(Wait& wait);
    bool turn(Duration rest);
    void note_jump(Instant last_turn, Duration rest);
    bool serve_news();
    Duration rest_length(bool is_listening, Instant end);

    IntrusiveList<Poller> pollers_;
    u32 looks_left_ = 0; // until the next turn
    Instant turn_time_{};
    Duration stood_still_{};
    Instant last_jump_{};   // when the machine went on after it had stood still
    bool has_news_ = false; // a poller had something since the last rest
    Instant last_news_{};
    bool interrupt_requested_ = false;
};

inline Mark::Mark(const EventLoop& loop, Instant at) : at_(at), still_before_(loop.stood_still()) {}
inline Instant Mark::after(const EventLoop& loop, Duration time) const { return at_ + time + still(loop); }
inline Duration Mark::until(const EventLoop& loop, Instant now) const {
    Duration passed = std::max(now, at_) - at_;
    return passed - std::min(passed, still(loop));
}
inline Duration Mark::still(const EventLoop& loop) const { return loop.stood_still() - still_before_; }

} // namespace vireo::event
