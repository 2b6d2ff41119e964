// SPDX-License-Identifier: Apache-2.0
#include "device/pace.h"

namespace vireo::device {

using event::Duration;

namespace {

// Shorter waits are not slow, whatever came; nor are those in which 4 MB came in a second.
constexpr Duration shortest_slow_wait = Duration::milli(50);
constexpr u64 fast_bytes_per_microsecond = 4;

// A run counts when it has so many waits and has lasted so long: a host that stumbles once is not slow.
constexpr unsigned fewest_waits = 2;
constexpr Duration shortest_run = Duration::milli(200);

// What is in flight should be back after this long,
constexpr Duration wanted = Duration::seconds(4);
// is judged by about twice that much of the past,
constexpr Duration memory = Duration::seconds(8);
// and what came after no longer than this can be asked for again: where each request takes long whatever its
// size, smaller ones would only be slower.
constexpr Duration longest_good_wait = Duration::seconds(10);

} // namespace

void Pace::note(u64 bytes, Duration took) {
    if (took < shortest_slow_wait || bytes / fast_bytes_per_microsecond >= took.microseconds) {
        waits_ = 0;
        bytes_ = 0;
        time_ = {};
        limit_ = std::min(most_, limit_ * 2);
    } else {
        remember(bytes, took);
    }
}

void Pace::remember(u64 bytes, Duration took) {
    ++waits_;
    bytes_ += bytes;
    time_.microseconds += took.microseconds;
    if (waits_ < fewest_waits || time_ < shortest_run)
        return;
    u64 right = bytes_ * wanted.microseconds / time_.microseconds; // bytes_ is below 2^40
    if (took <= longest_good_wait)
        right = std::max(right, bytes);
    limit_ = std::clamp(right, least, std::min(most_, limit_ * 2));
    while (time_ > memory) {
        bytes_ /= 2;
        time_.microseconds /= 2;
    }
}

void Pace::note_silence() { limit_ = std::min(limit_, after_silence); }

} // namespace vireo::device
