// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"

// How the time from reset to the prompt went: moments with names, in the order in which they were reached.
// And how much time went into what is done again and again, then and later.
namespace vireo::event {

struct Stage {
    u64 ticks; // of arch::ticks(), whose rate is not known that early on every machine
    const char* name;
    Instant when() const;
};

// The start begins: what was noted before is forgotten, as in a process that starts several machines.
void first_stage(const char* name, u64 ticks);

// Notes that this stage has been reached, now or at a moment that has passed. The name lives for ever. The
// last stage is the prompt's, and always there: after end_of_start() nothing more is noted. What finds no
// room before it is left out.
void mark_stage(const char* name);
void mark_stage(const char* name, u64 ticks);
void end_of_start(const char* name);

std::span<const Stage> stages();

enum class Work : u8 {
    Devices, // finding and starting them; `virtio scan` too
    Disks,   // operations of disks, from the first request to the last answer
    Network, // while it is open: commands that use it
};
inline constexpr usize kinds_of_work = 3;

// What stands in a report: `dm_r` is what test suites for U-Boot look for, and means the same.
std::string_view name_of(Work work);
// Since first_stage().
Duration time_spent(Work work);

// Measures one piece of work, from its making to its end. Pieces of the same kind do not lie
// within each other.
class WorkTimer {
  public:
    explicit WorkTimer(Work work);
    ~WorkTimer();
    WorkTimer(const WorkTimer&) = delete;
    WorkTimer& operator=(const WorkTimer&) = delete;

  private:
    u64 began_;
    Work work_;
};

} // namespace vireo::event
