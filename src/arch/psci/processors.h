// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/psci/description.h"

// The processors as PSCI sees them: who runs, who waits, where one goes on that was asked for. All of it is
// written by several processors at once, whose caches are off.
namespace vireo::arch::psci {

// By the numbers of AFFINITY_INFO (Arm DEN 0022, 5.8).
enum class State : u32 { On = 0, Off = 1, OnPending = 2 };

struct Processor {
    State state;
    u32 wants_lock;
    u32 wake_mask; // GICv2: whom a software interrupt must name; 0 until it waits here
    uptr entry;    // these are there while OnPending
    uptr context;
};

template <typename T> T load(const T& shared) {
    T value;
    __atomic_load(&shared, &value, __ATOMIC_SEQ_CST);
    return value;
}
template <typename T> void store(T& shared, T value) { __atomic_store(&shared, &value, __ATOMIC_SEQ_CST); }

// One processor at a time. By loads and stores alone: without caches there may be no exclusive accesses (Arm
// ARM B2.9). Each says that it wants, and the lower number goes first (Burns and Lynch). That may keep a high
// number waiting, but only for as long as others call without a pause.
class Lock {
  public:
    Lock(Processor* processors, u32 count, u32 own) : processors_(processors), own_(own) {
        while (!try_take())
            ;
        for (u32 i = own + 1; i < count; ++i)
            while (load(processors_[i].wants_lock) != 0)
                ;
    }
    ~Lock() { store(processors_[own_].wants_lock, 0u); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

  private:
    bool try_take() {
        store(processors_[own_].wants_lock, 1u);
        for (u32 i = 0; i < own_; ++i) {
            if (load(processors_[i].wants_lock) == 0)
                continue;
            store(processors_[own_].wants_lock, 0u);
            while (load(processors_[i].wants_lock) != 0)
                ;
            return false;
        }
        return true;
    }
    Processor* processors_;
    u32 own_;
};

// As processor `own`. `Hardware` is what one processor can do (hardware.h; tests have their own):
//   wake(index)   ends the sleep of another, if that has begun, or the next one that it begins
template <typename Hardware> class Processors {
  public:
    Processors(const Description& machine, Processor* processors, Hardware& hardware, u32 own)
        : machine_(machine), processors_(processors), hardware_(hardware), own_(own) {}

    // The one with that affinity; the count if there is none.
    u32 find(uptr affinity) const {
        u32 index = 0;
        while (index < machine_.count && machine_.affinities[index] != affinity)
            ++index;
        return index;
    }

    State state(u32 index) const { return load(processors_[index].state); }

    // Has one that is off go on at `entry`. Returns the state that it was in: if that is not Off,
    // nothing has been done.
    State start(u32 index, uptr entry, uptr context) {
        Lock lock = take();
        Processor& target = processors_[index];
        State before = load(target.state);
        if (before != State::Off)
            return before;
        store(target.entry, entry);
        store(target.context, context);
        store(target.state, State::OnPending);
        hardware_.wake(index);
        return before;
    }

    // This one runs no more. From now on it may be started.
    void stop() {
        Lock lock = take();
        store(processors_[own_].state, State::Off);
    }

    // This one waits from now on, and can be woken by that mask.
    void wait_under(u32 wake_mask) {
        Lock lock = take();
        store(processors_[own_].wake_mask, wake_mask);
    }

    // This one runs, if it was asked to; then it has been woken for that, too.
    bool take_start() {
        Lock lock = take();
        if (load(processors_[own_].state) != State::OnPending)
            return false;
        store(processors_[own_].state, State::On);
        return true;
    }

  private:
    Lock take() { return Lock(processors_, machine_.count, own_); }
    const Description& machine_;
    Processor* processors_;
    Hardware& hardware_;
    u32 own_;
};

} // namespace vireo::arch::psci
