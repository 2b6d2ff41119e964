// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::event {

// Lengths of time, in microseconds.
struct Duration {
    u64 microseconds = 0;
    constexpr auto operator<=>(const Duration&) const = default;
    static constexpr Duration micro(u64 count) { return {count}; }
    static constexpr Duration milli(u64 count) { return {count * 1000}; }
    static constexpr Duration seconds(u64 count) { return {count * 1'000'000}; }
};

// A point in time: microseconds since the counter started (arch::ticks). Never goes back.
struct Instant {
    u64 microseconds = 0;
    constexpr auto operator<=>(const Instant&) const = default;
};

Instant now();
constexpr Duration operator-(Instant later, Instant earlier) {
    return {later.microseconds - earlier.microseconds};
}
// No later than the end of all times, which is never.
constexpr Instant operator+(Instant when, Duration duration) {
    return {when.microseconds + std::min(duration.microseconds, ~when.microseconds)};
}
constexpr Duration operator-(Duration longer, Duration shorter) {
    return {longer.microseconds - shorter.microseconds};
}
constexpr Duration operator+(Duration one, Duration other) { return {one.microseconds + other.microseconds}; }

// The latest moment at which a wait ends. Every wait has one.
class Deadline {
  public:
    static Deadline after(Duration duration);
    static constexpr Deadline at(Instant when) { return Deadline(when); }
    static constexpr Deadline never() { return Deadline(Instant{~u64{0}}); }
    bool has_passed() const { return when_ != Instant{~u64{0}} && now() >= when_; }
    constexpr Instant when() const { return when_; }
    constexpr bool operator<(const Deadline& other) const { return when_ < other.when_; }

  private:
    explicit constexpr Deadline(Instant when) : when_(when) {}
    Instant when_;
};

// Polls `condition` until it is true (then true) or the deadline passes (then false). For register bits that
// change within microseconds (reset, queue enable); waits for requests go through the EventLoop.
template <typename Condition> bool poll_until(Deadline deadline, Condition&& condition);

} // namespace vireo::event

#include "arch/arch.h"

template <typename Condition>
bool vireo::event::poll_until(vireo::event::Deadline deadline, Condition&& condition) {
    for (;;) {
        if (condition())
            return true;
        if (deadline.has_passed())
            return condition(); // once more: we may have been held up between the two
        arch::relax();
    }
}
