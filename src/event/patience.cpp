// SPDX-License-Identifier: Apache-2.0
#include "event/patience.h"

namespace vireo::event {

Patience::Patience(const EventLoop& loop, const Budget& budget)
    : loop_(loop), budget_(budget), start_(loop, now()), last_progress_(start_), allowed_(budget.head_start) {
}

Duration Patience::reached(u64 units) {
    if (units <= units_)
        return {};
    u64 news = units - std::exchange(units_, units);
    // The turn may have begun before we did.
    Instant turn = std::max(loop_.turn_time(), last_progress_.at());
    Duration took = std::exchange(last_progress_, Mark(loop_, turn)).until(loop_, turn);
    if (budget_.least_rate == 0)
        return took;
    u64 rate = budget_.least_rate;
    news = std::min(news, rate * (budget_.head_start.microseconds / 1'000'000 + 1)); // more is no more credit
    allowed_ = allowed_ + time_for(news, rate);
    Duration until_now = start_.until(loop_, turn);
    if (Duration most = until_now + budget_.head_start; allowed_ >= most) {
        allowed_ = most;
        behind_since_ = until_now;
        behind_units_ = units_;
    }
    return took;
}

u64 Patience::rate() const {
    u64 milliseconds = (elapsed() - behind_since_).microseconds / 1000;
    return (units_ - behind_units_) * 1000 / std::max<u64>(milliseconds, 1);
}

Deadline Patience::deadline() const { return Deadline::at(std::min(silent_at(), slow_at())); }

Patience::Verdict Patience::verdict() const {
    Instant at = now();
    if (at >= silent_at())
        return Verdict::Silent;
    return at >= slow_at() ? Verdict::TooSlow : Verdict::Left;
}

} // namespace vireo::event
