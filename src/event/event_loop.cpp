// SPDX-License-Identifier: Apache-2.0
#include "event/event_loop.h"

namespace vireo::event {

namespace {

// Who listens gets news as soon as they come for this long after the last ones. Then the naps begin: in proportion to
// the quiet time, so that what comes late is noticed an eighth later at most, and only so long that nobody feels it.
// A busy host answers after a few milliseconds: naps in between made a TFTP transfer take twice as long.
constexpr Duration attentive = Duration::milli(8);
constexpr u64 quiet_per_nap = 8;
constexpr Duration longest_nap = Duration::milli(10);

} // namespace

bool EventLoop::poll_once() {
    bool any = false;
    for (Poller* poller = pollers_.front(); poller;) {
        Poller* next = pollers_.next(*poller);
        any |= poller->poll();
        poller = next;
    }
    has_news_ |= any;
    return any;
}

Result<> EventLoop::sleep(Duration duration) {
    auto ended = wait_until(Deadline::after(duration), [] { return false; });
    if (!ended && ended.error().code == ErrorCode::Timeout)
        return {};
    return ended;
}

void EventLoop::rest(Deadline deadline) {
    bool is_listening = false;
    for (Poller* poller = pollers_.front(); poller; poller = pollers_.next(*poller)) {
        if (poller->needs_polling())
            return spin();
        is_listening |= poller->is_listening();
    }
    Instant current = now();
    // One second bounds the sleep of a wait without a deadline, and keeps the product below from overflowing.
    u64 microseconds = (is_listening ? next_nap(current) : Duration::seconds(1)).microseconds;
    if (deadline.when() < Instant{current.microseconds + microseconds})
        microseconds = deadline.when() > current ? (deadline.when() - current).microseconds : 0;
    if (microseconds == 0)
        return spin();
    // Rounded up: waking early would cost a second, shorter sleep.
    arch::idle_until(arch::ticks() + (microseconds * arch::ticks_per_second() + 999'999) / 1'000'000);
}

// Looks at memory for a while. A turn of the loop costs more than these looks together: under emulation the console's
// register and, on some machines, the clock take a lock that the device needs to finish its work.
void EventLoop::spin() {
    for (unsigned looks = arch::looks_per_turn(); looks > 0; --looks) {
        arch::relax();
        for (Poller* poller = pollers_.front(); poller; poller = pollers_.next(*poller))
            if ((poller->needs_polling() || poller->is_listening()) && poller->has_news())
                return;
    }
}

// How long to look away from who listens; not at all soon after the last news.
Duration EventLoop::next_nap(Instant current) {
    if (std::exchange(has_news_, false))
        last_news_ = current;
    Duration quiet = current - last_news_;
    return quiet < attentive ? Duration{}
                             : std::min(Duration::micro(quiet.microseconds / quiet_per_nap), longest_nap);
}

} // namespace vireo::event
