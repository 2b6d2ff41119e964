// SPDX-License-Identifier: Apache-2.0
#include "event/patience.h"

namespace vireo::event {

Patience::Patience(const EventLoop& loop, const Budget& budget)
    : loop_(loop), budget_(budget), start_(now()), still_before_(loop.stood_still()), last_progress_(start_),
      still_before_progress_(still_before_) {}

void Patience::reached(u64 units) {
    if (units <= units_)
        return;
    units_ = units;
    // The turn may have begun before we did.
    last_progress_ = std::max(loop_.turn_time(), last_progress_);
    still_before_progress_ = loop_.stood_still();
}

Instant Patience::silent_at() const {
    return last_progress_ + budget_.silence + (loop_.stood_still() - still_before_progress_);
}

Instant Patience::slow_at() const {
    Duration allowed = budget_.head_start;
    // Whole seconds first: a product with a million may not fit.
    if (u64 rate = budget_.least_rate; rate != 0) {
        allowed =
            allowed + Duration::seconds(units_ / rate) + Duration::micro(units_ % rate * 1'000'000 / rate);
    }
    return start_ + allowed + (loop_.stood_still() - still_before_);
}

Deadline Patience::deadline() const { return Deadline::at(std::min(silent_at(), slow_at())); }

Patience::Verdict Patience::verdict() const {
    Instant at = now();
    if (at >= silent_at())
        return Verdict::Silent;
    return at >= slow_at() ? Verdict::TooSlow : Verdict::Left;
}

Duration Patience::elapsed() const { return now() - start_ - (loop_.stood_still() - still_before_); }

} // namespace vireo::event
