// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"

// How the time from reset to the prompt went: moments with names, in the order in which they were reached.
namespace vireo::event {

struct Stage {
    u64 ticks; // of arch::ticks(), whose rate is not known that early on every machine
    const char* name;
    Instant when() const;
};

// The start begins: what was noted before is forgotten, as in a process that starts several machines.
void first_stage(const char* name, u64 ticks);

// Notes that this stage has been reached, now or at a moment that has passed. The name lives for ever. The last stage is
// the prompt's, and always there: after end_of_start() nothing more is noted. What finds no room before it is left out.
void mark_stage(const char* name);
void mark_stage(const char* name, u64 ticks);
void end_of_start(const char* name);

std::span<const Stage> stages();

} // namespace vireo::event
