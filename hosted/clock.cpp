// SPDX-License-Identifier: Apache-2.0
#include "hosted/clock.h"

#include "arch/arch.h"
#include "hosted/access_trace.h"
#include "hosted/report.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <poll.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace vireo::hosted {
namespace {

constexpr u64 look_cost = 50;
constexpr u64 access_cost = 100;
constexpr u64 shortest_step = microsecond;
constexpr u64 longest_step = 10 * millisecond;
constexpr unsigned waits_before_doubling = 64;
constexpr u64 default_runaway_limit = 4'000'000;

struct Event {
    u64 handle;
    std::function<void()> action;
};

struct Clock {
    bool is_virtual = false;
    u64 time = 0;
    std::multimap<u64, Event> agenda;
    u64 next_handle = 1;
    u64 step = shortest_step;
    unsigned quiet_waits = 0;
    u64 looks = 0;
    u64 runaway_limit = default_runaway_limit;
    unsigned looks_per_turn = 1;
    bool ran_away = false;
    bool running_events = false;
    std::vector<WaitObserver*> observers;
    std::function<void(Barrier)> barrier_hook;
};

Clock& clock() {
    static Clock instance;
    return instance;
}

u64 host_time() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<u64>(now.tv_sec) * second + static_cast<u64>(now.tv_nsec);
}

// What the program waits for happens in another process, if anywhere: let it have the processor at once, and
// after a while without news keep from burning one.
void rest_in_real_time() {
    constexpr unsigned yields = 2000; // about a millisecond
    if (++clock().quiet_waits < yields) {
        sched_yield();
        return;
    }
    constexpr timespec nap{0, static_cast<long>(50 * microsecond)};
    nanosleep(&nap, nullptr);
}

void count_look() {
    Clock& c = clock();
    ++c.looks;
    if (c.looks < c.runaway_limit)
        return;
    if (!c.ran_away) {
        c.ran_away = true;
        report("clock.runaway", "the program looked at the clock or a register " + std::to_string(c.looks) +
                                    " times without an end in sight");
    }
    c.time += 3600 * second; // every deadline passes now
    if (c.looks > c.runaway_limit + 1'000'000) {
        std::fprintf(stderr, "clock.runaway: the program ignores deadlines that are hours past: aborted\n");
        std::abort();
    }
}

void something_happened() {
    clock().step = shortest_step;
    clock().quiet_waits = 0;
}

void run_due_events() {
    Clock& c = clock();
    if (c.running_events)
        return; // an event looked at the clock
    c.running_events = true;
    while (!c.agenda.empty() && c.agenda.begin()->first <= clock_now()) {
        auto node = c.agenda.extract(c.agenda.begin());
        something_happened();
        node.mapped().action();
    }
    c.running_events = false;
}

void tell_observers() {
    // An observer may add or remove observers: walk over a copy.
    auto observers = clock().observers;
    for (WaitObserver* observer : observers)
        observer->program_waits();
}

void execute_barrier(Barrier kind) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    trace_barrier(kind);
    if (clock().barrier_hook)
        clock().barrier_hook(kind);
}

void idle_virtual(u64 deadline) {
    Clock& c = clock();
    count_look();
    u64 until = deadline;
    if (!c.agenda.empty())
        until = std::min(until, c.agenda.begin()->first);
    if (until == ~u64{0}) {
        report("clock.idle", "sleeps without a deadline and nothing is going to happen");
        until = c.time + 3600 * second;
    }
    c.time = std::max(c.time, until);
}

void idle_real(u64 deadline) {
    Clock& c = clock();
    u64 until = deadline;
    if (!c.agenda.empty())
        until = std::min(until, c.agenda.begin()->first);
    u64 now = host_time();
    if (until <= now)
        return;
    u64 wait = std::min(until - now, 3600 * second);
    timespec timeout{static_cast<time_t>(wait / second), static_cast<long>(wait % second)};
    pollfd input{STDIN_FILENO, POLLIN, 0};
    ppoll(&input, 1, &timeout, nullptr);
    // At the end of a file or a closed terminal poll() returns at once, for ever: do not spin on it.
    if ((input.revents & (POLLHUP | POLLNVAL | POLLERR)) && !(input.revents & POLLIN))
        nanosleep(&timeout, nullptr);
}

} // namespace

void use_virtual_clock() {
    Clock& c = clock();
    c.is_virtual = true;
    c.time = 5 * second;
    c.agenda.clear();
    c.looks = 0;
    c.ran_away = false;
    c.runaway_limit = default_runaway_limit;
    c.looks_per_turn = 1;
    c.barrier_hook = nullptr;
    something_happened();
}

void use_real_clock() { clock().is_virtual = false; }

u64 clock_now() { return clock().is_virtual ? clock().time : host_time(); }

u64 schedule(u64 delay, std::function<void()> action) {
    Clock& c = clock();
    u64 handle = c.next_handle++;
    c.agenda.emplace(clock_now() + delay, Event{handle, std::move(action)});
    return handle;
}

void cancel(u64 handle) {
    auto& agenda = clock().agenda;
    for (auto it = agenda.begin(); it != agenda.end(); ++it)
        if (it->second.handle == handle) {
            agenda.erase(it);
            return;
        }
}

void stand_still(u64 ticks) {
    Clock& c = clock();
    c.time += ticks;
    std::multimap<u64, Event> later;
    for (auto& [when, event] : c.agenda)
        later.emplace(when + ticks, std::move(event));
    c.agenda = std::move(later);
}

void set_runaway_limit(u64 looks) { clock().runaway_limit = looks; }
void set_looks_per_turn(unsigned looks) { clock().looks_per_turn = looks; }

void account_for_access(bool is_write) {
    Clock& c = clock();
    if (is_write)
        something_happened();
    if (!c.is_virtual)
        return;
    count_look();
    c.time += access_cost;
}

void set_barrier_hook(std::function<void(Barrier)> hook) { clock().barrier_hook = std::move(hook); }

WaitObserver::WaitObserver() { clock().observers.push_back(this); }
WaitObserver::~WaitObserver() { std::erase(clock().observers, this); }

} // namespace vireo::hosted

namespace vireo::arch {

using hosted::Barrier;
using hosted::Clock;
using hosted::clock;
using hosted::clock_now;
using hosted::count_look;
using hosted::execute_barrier;
using hosted::idle_real;
using hosted::idle_virtual;
using hosted::longest_step;
using hosted::look_cost;
using hosted::rest_in_real_time;
using hosted::run_due_events;
using hosted::tell_observers;
using hosted::waits_before_doubling;

u64 ticks() {
    Clock& c = clock();
    if (c.is_virtual) {
        count_look();
        c.time += look_cost;
    }
    run_due_events();
    return clock_now();
}

u64 ticks_per_second() { return hosted::ticks_per_second; }

void relax() {
    Clock& c = clock();
    tell_observers();
    if (c.is_virtual) {
        count_look();
        if (++c.quiet_waits % waits_before_doubling == 0)
            c.step = std::min(c.step * 2, longest_step);
        u64 until = c.time + c.step;
        // Stop at an event on the way; one that is already due does not pull time back.
        if (!c.agenda.empty())
            until = std::max(c.time, std::min(until, c.agenda.begin()->first));
        c.time = until;
    } else {
        rest_in_real_time();
    }
    run_due_events();
}

unsigned looks_per_turn() { return clock().looks_per_turn; }

void idle_until(u64 deadline) {
    tell_observers();
    if (clock().is_virtual)
        idle_virtual(deadline);
    else
        idle_real(deadline);
    run_due_events();
}

void barrier_full() { execute_barrier(Barrier::Full); }
void barrier_release() { execute_barrier(Barrier::Release); }
void barrier_acquire() { execute_barrier(Barrier::Acquire); }

void sync_instruction_cache(const void* start, usize bytes) {
    auto* begin = static_cast<char*>(const_cast<void*>(start));
    __builtin___clear_cache(begin, begin + bytes);
}

void halt() { std::abort(); }
void stop_after_defect() { std::abort(); }

std::string_view name() { return "hosted"; }

} // namespace vireo::arch
