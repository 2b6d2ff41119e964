// SPDX-License-Identifier: Apache-2.0
#include "event/ticks.h"

namespace vireo::event {

Instant now() { return instant_of(arch::ticks()); }

Instant instant_of(u64 ticks) {
    u64 rate = arch::ticks_per_second();
    // ticks * 10^6 / rate without overflow: whole seconds first, then the rest, which is below
    // rate (under 2^40).
    u64 whole = ticks / rate;
    u64 rest = ticks - whole * rate;
    return {whole * 1'000'000 + rest * 1'000'000 / rate};
}

Deadline Deadline::after(Duration duration) { return at(now() + duration); }

} // namespace vireo::event
