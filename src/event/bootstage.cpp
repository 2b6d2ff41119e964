// SPDX-License-Identifier: Apache-2.0
#include "event/bootstage.h"

#include "event/ticks.h"

namespace vireo::event {

namespace {

constinit Stage noted[16] = {};
constinit usize noted_count = 0;
constinit bool is_started = false;
constinit u64 ticks_of[kinds_of_work] = {};

} // namespace

Instant Stage::when() const { return instant_of(ticks); }

void first_stage(const char* name, u64 ticks) {
    noted_count = 0;
    is_started = false;
    std::ranges::fill(ticks_of, 0);
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

std::string_view name_of(Work work) {
    constexpr std::string_view names[kinds_of_work] = {"dm_r", "disk", "network"};
    return names[static_cast<usize>(work)];
}

// A length of time in ticks is as long as the moment so many ticks after 0 is late.
Duration time_spent(Work work) { return {instant_of(ticks_of[static_cast<usize>(work)]).microseconds}; }

WorkTimer::WorkTimer(Work work) : began_(arch::ticks()), work_(work) {}

WorkTimer::~WorkTimer() { ticks_of[static_cast<usize>(work_)] += arch::ticks() - began_; }

} // namespace vireo::event
