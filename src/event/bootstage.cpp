// SPDX-License-Identifier: Apache-2.0
#include "event/bootstage.h"

#include "event/ticks.h"

namespace vireo::event {

namespace {

constinit Stage noted[16] = {};
constinit usize noted_count = 0;
constinit bool is_started = false;

} // namespace

Instant Stage::when() const { return instant_of(ticks); }

void first_stage(const char* name, u64 ticks) {
    noted_count = 0;
    is_started = false;
    mark_stage(name, ticks);
}

void mark_stage(const char* name) { mark_stage(name, arch::ticks()); }

void mark_stage(const char* name, u64 ticks) {
    if (!is_started && noted_count < std::size(noted))
        noted[noted_count++] = {ticks, name};
}

void end_of_start(const char* name) {
    if (!is_started && noted_count == std::size(noted))
        --noted_count; // the end is always there
    mark_stage(name);
    is_started = true;
}

std::span<const Stage> stages() { return {noted, noted_count}; }

} // namespace vireo::event
