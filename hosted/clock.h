// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

#include <functional>

// Time in the hosted program: the back end of arch::ticks and friends, and the agenda of the fake devices.
namespace vireo::hosted {

// One tick is one nanosecond, on both clocks.
constexpr u64 ticks_per_second = 1'000'000'000;
constexpr u64 microsecond = 1'000;
constexpr u64 millisecond = 1'000'000;
constexpr u64 second = ticks_per_second;

// Unit tests: time passes only because the program looks at it or waits. Each ticks() takes 50 ns; relax()
// advances by a step that grows while nothing happens (so a 20 s timeout costs a few thousand polls);
// idle_until() jumps to the next event. Starts over: events of an earlier test are forgotten. A program that
// goes on for ever is reported ("clock.runaway"); then time leaps so that every deadline passes, and if that
// does not help the program is aborted.
void use_virtual_clock();

// vireo-hosted: the host's monotonic clock; waiting watches standard input. This is the default.
void use_real_clock();

// The time now, without letting any pass and without running events.
u64 clock_now();

// Runs `action` once after `delay` ticks, from inside ticks(), relax() or idle_until(). Gives
// a handle to cancel it.
u64 schedule(u64 delay, std::function<void()> action);
void cancel(u64 handle);

// The host stops the whole machine for that long, its devices too: time jumps, and everything that was
// scheduled comes that much later.
void stand_still(u64 ticks);

// How much the runaway guard allows until the next use_virtual_clock(), in looks at the clock
// and register accesses.
void set_runaway_limit(u64 looks);
// How often the event loop looks at memory between two turns until the next use_virtual_clock(): 1 otherwise,
// as time passes with each look.
void set_looks_per_turn(unsigned looks);

// Counted by the register back end: an access takes 100 ns of virtual time and resets the growing step if
// it changes something.
void account_for_access(bool is_write);

// Told each time the program waits (relax or idle): what should have been done before waiting can be checked,
// and a device that polls memory by itself looks now.
class WaitObserver {
  public:
    WaitObserver();
    virtual void program_waits() = 0;

  protected:
    ~WaitObserver();
};

// Barriers as the program executes them; the hook runs inside the barrier. What another processor does
// between two accesses of this one can be staged here.
enum class Barrier : u8 { Full, Release, Acquire };
void set_barrier_hook(std::function<void(Barrier)> hook);

} // namespace vireo::hosted
