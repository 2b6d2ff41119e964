// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"

namespace vireo::event {

// What a transfer, a question or a wait may cost: how long nothing may come, and how slow the whole may
// be. Every peer has one: a device, a server, the reader of the console. Units are bytes unless the
// owner says otherwise.
struct Budget {
    // The longest time in which nothing comes.
    Duration silence;
    // What the whole may take however little comes: to connect, to be asked twice, to spin up.
    Duration head_start;
    // Units a second that must come on average; one that trickles has its silence broken again and again, and
    // is ended by this. What comes sooner is no credit for later beyond the head start: who sends much at
    // once and trickles then is ended a head start later. 0: the head start is all the time there is.
    u64 least_rate = 0;

    // For what is a single question: so much time in all, whatever comes.
    static constexpr Budget total(Duration time) { return {.silence = time, .head_start = time}; }
};

// How long so many units take at so many a second, which is not 0.
constexpr Duration time_for(u64 units, u64 rate) {
    // Whole seconds first: a product with a million may not fit.
    return Duration::seconds(units / rate) + Duration::micro(units % rate * 1'000'000 / rate);
}

} // namespace vireo::event
