// SPDX-License-Identifier: Apache-2.0
#include "event/event_loop.h"

namespace vireo::event {

bool EventLoop::poll_once() {
    bool any = false;
    for (Poller* poller = pollers_.front(); poller;) {
        Poller* next = pollers_.next(*poller);
        any |= poller->poll();
        poller = next;
    }
    return any;
}

Result<> EventLoop::sleep(Duration duration) {
    auto ended = wait_until(Deadline::after(duration), [] { return false; });
    if (!ended && ended.error().code == ErrorCode::Timeout)
        return {};
    return ended;
}

void EventLoop::rest(Deadline deadline) {
    for (Poller* poller = pollers_.front(); poller; poller = pollers_.next(*poller)) {
        if (poller->needs_polling()) {
            arch::relax();
            return;
        }
    }
    // One second bounds the sleep of a wait without a deadline, and keeps the product below from overflowing.
    u64 microseconds = 1'000'000;
    Instant current = now();
    if (deadline.when() < Instant{current.microseconds + microseconds})
        microseconds = deadline.when() > current ? (deadline.when() - current).microseconds : 0;
    // Rounded up: waking early would cost a second, shorter sleep.
    arch::idle_until(arch::ticks() + (microseconds * arch::ticks_per_second() + 999'999) / 1'000'000);
}

} // namespace vireo::event
