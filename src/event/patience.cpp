// SPDX-License-Identifier: Apache-2.0
#include "event/patience.h"

namespace vireo::event {

Patience::Patience(const EventLoop& loop, const Budget& budget)
    : loop_(loop), budget_(budget), start_(now()), still_before_(loop.stood_still()), last_progress_(start_),
      still_before_progress_(still_before_), allowed_(budget.head_start) {}

void Patience::reached(u64 units) {
    if (units <= units_)
        return;
    u64 news = units - std::exchange(units_, units);
    // The turn may have begun before we did.
    last_progress_ = std::max(loop_.turn_time(), last_progress_);
    still_before_progress_ = loop_.stood_still();
    if (budget_.least_rate == 0)
        return;
    // Whole seconds first: a product with a million may not fit.
    u64 rate = budget_.least_rate;
    news = std::min(news, rate * (budget_.head_start.microseconds / 1'000'000 + 1)); // more is no more credit
    allowed_ = allowed_ + Duration::seconds(news / rate) + Duration::micro(news % rate * 1'000'000 / rate);
    Duration until_now = last_progress_ - start_ - (still_before_progress_ - still_before_);
    if (Duration most = until_now + budget_.head_start; allowed_ >= most) {
        allowed_ = most;
        behind_since_ = until_now;
        behind_units_ = units_;
    }
}

u64 Patience::rate() const {
    u64 milliseconds = (elapsed() - behind_since_).microseconds / 1000;
    return (units_ - behind_units_) * 1000 / std::max<u64>(milliseconds, 1);
}

Instant Patience::silent_at() const {
    return last_progress_ + budget_.silence + (loop_.stood_still() - still_before_progress_);
}

Instant Patience::slow_at() const { return start_ + allowed_ + (loop_.stood_still() - still_before_); }

Deadline Patience::deadline() const { return Deadline::at(std::min(silent_at(), slow_at())); }

Patience::Verdict Patience::verdict() const {
    Instant at = now();
    if (at >= silent_at())
        return Verdict::Silent;
    return at >= slow_at() ? Verdict::TooSlow : Verdict::Left;
}

Duration Patience::elapsed() const { return now() - start_ - (loop_.stood_still() - still_before_); }

} // namespace vireo::event
