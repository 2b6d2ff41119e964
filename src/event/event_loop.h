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
    // Of one that needs polling or listens: whether poll() would find something, as memory alone shows it. It is asked
    // very often: no register, no clock. True if memory cannot tell.
    virtual bool has_news() const { return true; }

  protected:
    ~Poller() = default;
};

// Runs everything that happens while some synchronous code waits. One thread; completions run here and nowhere else.
class EventLoop {
  public:
    void add(Poller& poller) { pollers_.push_back(poller); }
    static void remove(Poller& poller) { IntrusiveList<Poller>::remove(poller); }

    // Looks at every poller once; true if any had something.
    bool poll_once();

    // Runs until `condition` holds. Timeout when the deadline passes first, Interrupted after Ctrl-C. Whatever was in
    // flight stays in flight: the caller who gives up cancels it with its device.
    template <typename Condition> Result<> wait_until(Deadline deadline, Condition&& condition) {
        for (;;) {
            poll_once();
            if (condition())
                return {};
            if (interrupt_requested_) {
                interrupt_requested_ = false;
                return error(ErrorCode::Interrupted, "Ctrl-C");
            }
            if (deadline.has_passed())
                return error(ErrorCode::Timeout, "deadline passed");
            rest(deadline);
        }
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
    // Nothing was ready: spin while a queue is outstanding, nap while somebody listens, else sleep until the deadline
    // or a wake source.
    void rest(Deadline deadline);
    void spin();
    Duration next_nap(Instant current);
    IntrusiveList<Poller> pollers_;
    bool has_news_ = false; // a poller had something since the last rest
    Instant last_news_{};
    bool interrupt_requested_ = false;
};

} // namespace vireo::event
