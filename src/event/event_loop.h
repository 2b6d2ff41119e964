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
    // Looks once, does what there is to do (completes requests), returns true if there was anything. Must not block
    // and must not call EventLoop::wait.
    virtual bool poll() = 0;
    // True while something is outstanding that no wake source announces (virtqueues are polled): the loop then spins
    // instead of sleeping.
    virtual bool needs_polling() const = 0;
    // True while news may come unasked that no wake source announces (frames): the loop then spins for a while after
    // the last news, and naps after that.
    virtual bool is_listening() const { return false; }
    // Of one that needs polling or listens: whether poll() would find something that somebody waits for, as memory alone
    // shows it. It is asked very often: no register, no clock. True if memory cannot tell.
    virtual bool has_news() const { return true; }

  protected:
    ~Poller() = default;

  private:
    friend class EventLoop;
    bool is_watched_ = false;
};

// Runs everything that happens while some synchronous code waits. One thread; completions run here and nowhere else.
class EventLoop {
  public:
    // Who joins expects something soon: the loop is attentive, as after news.
    void add(Poller& poller) {
        pollers_.push_back(poller);
        has_news_ = true;
    }
    static void remove(Poller& poller) { IntrusiveList<Poller>::remove(poller); }

    // A turn: looks at every poller once; true if any had something.
    bool poll_once();
    // When the last turn began: what a clock says that costs nothing, and is late by a millisecond or so while somebody
    // waits.
    Instant turn_time() const { return turn_time_; }

    // Runs until `condition` holds. Timeout when the deadline passes first, Interrupted after Ctrl-C. Whatever was in
    // flight stays in flight: the caller who gives up cancels it with its device.
    template <typename Condition> Result<> wait_until(Deadline deadline, Condition&& condition) {
        for (bool has_turned = false; !condition();)
            VIREO_TRY(go_on(deadline, has_turned));
        return {};
    }
    Result<> wait(Request& request, Deadline deadline) {
        return wait_until(deadline, [&] { return request.is_done(); });
    }
    // Lets time pass, keeping everything running.
    Result<> sleep(Duration duration);

    // Makes the current wait (or, if there is none, the next) return Interrupted. Called by the console's poller.
    void request_interrupt() { interrupt_requested_ = true; }
    void clear_interrupt() { interrupt_requested_ = false; }

  private:
    Result<> go_on(Deadline deadline, bool& has_turned);
    bool serve_news();
    Duration rest_length(bool is_listening, Deadline deadline);

    IntrusiveList<Poller> pollers_;
    u32 looks_left_ = 0; // until the next turn
    Instant turn_time_{};
    bool has_news_ = false; // a poller had something since the last rest
    Instant last_news_{};
    bool interrupt_requested_ = false;
};

} // namespace vireo::event
