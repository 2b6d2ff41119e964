// SPDX-License-Identifier: Apache-2.0
#include "event/event_loop.h"

namespace vireo::event {

namespace {

// Who listens gets news as soon as they come for this long after the last ones. Then the naps begin: in
// proportion to the quiet time, so that what comes late is noticed an eighth later at most, and only so
// long that nobody feels it. A busy host answers after a few milliseconds: naps in between made a TFTP
// transfer take twice as long.
constexpr Duration attentive = Duration::milli(8);
constexpr u64 quiet_per_nap = 8;
constexpr Duration longest_nap = Duration::milli(10);

// No turn takes that long unless the machine stood still.
constexpr Duration jump = Duration::seconds(1);

// Who has news all the time leaves the others, and Ctrl-C, their turns.
constexpr u32 looks_per_news = 64;

} // namespace

// A turn after a rest of that length.
[[gnu::hot]] bool EventLoop::turn(Duration rest) {
    note_jump(std::exchange(turn_time_, now()), rest);
    looks_left_ = arch::looks_per_turn();
    bool any = false;
    for (Poller* poller = pollers_.front(); poller;) {
        Poller* next = pollers_.next(*poller);
        any |= poller->poll();
        poller = next;
    }
    has_news_ |= any;
    return any;
}

Result<> EventLoop::yield() {
    poll_once();
    if (std::exchange(interrupt_requested_, false))
        return error(ErrorCode::Interrupted, "Ctrl-C");
    return {};
}

Result<> EventLoop::sleep(Duration duration) {
    Deadline deadline = Deadline::after(duration);
    auto ended = wait_until(deadline, [&] { return turn_time_ >= deadline.when(); });
    if (!ended && ended.error().code == ErrorCode::Timeout)
        return {};
    return ended;
}

// What a wait does between two looks at its condition. It takes a turn before it ends in vain.
[[gnu::hot]] Result<> EventLoop::go_on(Wait& wait) {
    bool is_busy = false;
    bool is_listening = false;
    for (Poller* poller = pollers_.front(); poller; poller = pollers_.next(*poller)) {
        bool needs_polling = poller->needs_polling();
        bool listens = poller->is_listening();
        poller->is_watched_ = needs_polling || listens;
        is_busy |= needs_polling;
        is_listening |= listens;
    }
    Duration rest{};
    if (wait.has_turned) {
        if (std::exchange(interrupt_requested_, false))
            return error(ErrorCode::Interrupted, "Ctrl-C");
        Instant end = wait.end.after(*this, Duration{}); // later if nobody could have answered meanwhile
        if (end <= turn_time_)
            return error(ErrorCode::Timeout, "deadline passed");
        if (!is_busy)
            rest = rest_length(is_listening, end);
    }
    if (rest.microseconds > 0) {
        // Rounded up: waking early would cost a second, shorter sleep.
        arch::idle_until(arch::ticks() +
                         (rest.microseconds * arch::ticks_per_second() + 999'999) / 1'000'000);
    } else if ((is_busy || is_listening) && serve_news()) {
        return {};
    }
    bool any = turn(rest);
    if (rest.microseconds > 0 && !any)
        looks_left_ = 0; // nothing has happened for long: nor does a new wait begin with looks
    wait.has_turned = true;
    return {};
}

void EventLoop::note_jump(Instant last_turn, Duration rest) {
    Duration passed = turn_time_ - last_turn;
    bool is_first_turn = last_turn == Instant{};
    // On most machines the clock begins at 0 with the machine, so the first jump may come
    // within the first second.
    bool follows_another = last_jump_ != Instant{} && last_turn < last_jump_ + jump;
    if (is_first_turn || passed < rest + jump || follows_another)
        return;
    stood_still_ = stood_still_ + (passed - rest);
    last_jump_ = turn_time_;
}

// Looks at memory until somebody has news, who is then polled alone: true. False: a turn is due. A turn costs
// more than many looks together: under emulation the console's register and, on most boards, the clock take a
// lock that the device needs, to finish its work or to begin with what it was told a moment ago.
[[gnu::hot]] bool EventLoop::serve_news() {
    for (; looks_left_ > 0; --looks_left_) {
        arch::relax();
        for (Poller* poller = pollers_.front(); poller; poller = pollers_.next(*poller)) {
            if (!poller->is_watched_ || !poller->has_news())
                continue;
            looks_left_ -= std::min(looks_left_, looks_per_news);
            has_news_ |= poller->poll();
            return true;
        }
    }
    return false;
}

// How long to look away: not at all soon after the last news of who listens; if nobody does, until the
// deadline or a wake source.
Duration EventLoop::rest_length(bool is_listening, Instant end) {
    // One second bounds the sleep of a wait without a deadline, and keeps a product with the clock's
    // rate from overflowing.
    Duration length = Duration::seconds(1);
    if (is_listening) {
        if (std::exchange(has_news_, false))
            last_news_ = turn_time_;
        Duration quiet = turn_time_ - last_news_;
        length = quiet < attentive
                     ? Duration{}
                     : std::min(Duration::micro(quiet.microseconds / quiet_per_nap), longest_nap);
    }
    return std::min(length, end - turn_time_);
}

} // namespace vireo::event
