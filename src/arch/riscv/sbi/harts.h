// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "arch/riscv/sbi/description.h"

// The harts as the SBI sees them: who runs, who sleeps, what one has asked of another. All of it is written
// by several harts at once, and asked for by supervisor mode, which may ask for anything at any time.
namespace vireo::arch::riscv::sbi {

// By the numbers of SBI 9.
enum class HartState : u32 {
    Started = 0,
    Stopped = 1,
    StartPending = 2,
    StopPending = 3,
    Suspended = 4,
    Absent = 7 // ours: it has not come under this SBI
};

struct Hart {
    HartState state;
    u32 may_start;     // `start` and `argument` are there
    u32 is_signalled;  // supervisor mode shall see a software interrupt
    u32 fences_wanted; // how many were asked for, and how many of those have been done; both wrap
    u32 fences_done;
    bool has_timer_register; // supervisor mode's own (Sstc)
    uptr start;
    uptr argument;
};

template <typename T> T load(const T& shared) {
    T value;
    __atomic_load(&shared, &value, __ATOMIC_SEQ_CST);
    return value;
}
template <typename T> void store(T& shared, T value) { __atomic_store(&shared, &value, __ATOMIC_SEQ_CST); }
template <typename T> T exchange(T& shared, T value) {
    T before;
    __atomic_exchange(&shared, &value, &before, __ATOMIC_SEQ_CST);
    return before;
}

// Harts that run under translation tables, or would go on with them.
inline bool has_translations(HartState state) {
    return state == HartState::Started || state == HartState::Suspended;
}

// `Hardware` is what one hart can do (hardware.h; tests have their own):
//   fence()                     orders all that other harts have written before everything that follows: loads,
//                               instructions, translations
//   interrupt(Description::Hart)  raises that hart's software interrupt
template <typename Hardware> class Harts {
  public:
    Harts(const Description& machine, Hart* harts, Hardware& hardware)
        : machine_(machine), harts_(harts), hardware_(hardware) {}

    u32 count() const { return machine_.hart_count; }
    Hart& operator[](u32 index) { return harts_[index]; }

    // The index of the hart with that number; count() if there is none that the SBI has.
    u32 find(uptr id) const {
        u32 index = 0;
        while (index < count() &&
               (machine_.harts[index].id != id || load(harts_[index].state) == HartState::Absent))
            ++index;
        return index;
    }

    // The harts that a caller names (SBI 3.1): bit n of `bits` is hart `base` + n; a base of -1 means all.
    struct Mask {
        uptr bits;
        uptr base;
    };
    static bool names(const Mask& mask, uptr id) {
        return mask.base == ~uptr{0} || (id >= mask.base && id - mask.base < sizeof(uptr) * 8 &&
                                         (mask.bits >> (id - mask.base) & 1) != 0);
    }
    // False if it names one that is not there.
    bool has_all(const Mask& mask) const {
        if (mask.base == ~uptr{0})
            return true;
        int named = 0;
        for (u32 i = 0; i < count(); ++i)
            if (names(mask, machine_.harts[i].id) && load(harts_[i].state) != HartState::Absent)
                ++named;
        uptr rest = mask.bits;
        for (; rest != 0; rest &= rest - 1)
            --named;
        return named == 0;
    }

    // A software interrupt for supervisor mode. A hart that is stopped does not get it.
    void signal(const Mask& mask) {
        for (u32 i = 0; i < count(); ++i) {
            if (!names(mask, machine_.harts[i].id) || !has_translations(load(harts_[i].state)))
                continue;
            store(harts_[i].is_signalled, u32{1});
            hardware_.interrupt(machine_.harts[i]);
        }
    }

    // Every hart that is named has fenced when this returns, or fences before it next runs supervisor mode's
    // code. All of its translations: which ones were meant does not matter, more is allowed. Nobody waits for
    // a hart that does not run, and who waits does what others wait for.
    void fence(const Mask& mask, u32 own) {
        for (u32 i = 0; i < count(); ++i) {
            if (i == own || !names(mask, machine_.harts[i].id))
                continue;
            __atomic_fetch_add(&harts_[i].fences_wanted, 1, __ATOMIC_SEQ_CST);
            if (has_translations(load(harts_[i].state)))
                hardware_.interrupt(machine_.harts[i]);
        }
        if (names(mask, machine_.harts[own].id))
            hardware_.fence();
        for (u32 i = 0; i < count(); ++i) {
            if (i == own || !names(mask, machine_.harts[i].id))
                continue;
            u32 wanted = load(harts_[i].fences_wanted);
            while (static_cast<i32>(load(harts_[i].fences_done) - wanted) < 0 &&
                   has_translations(load(harts_[i].state)))
                serve_fences(own);
        }
    }

    // What others have asked hart `own`, which runs this, for.
    void serve_fences(u32 own) {
        Hart& hart = harts_[own];
        u32 wanted = load(hart.fences_wanted);
        if (wanted == hart.fences_done)
            return;
        hardware_.fence();
        store(hart.fences_done, wanted);
    }
    // The same, and whether supervisor mode is to see a software interrupt.
    bool take_requests(u32 own) {
        serve_fences(own);
        return exchange(harts_[own].is_signalled, u32{0}) != 0;
    }

    // Lets a stopped hart run from `start`. False if it is not stopped, or another was quicker.
    bool start(u32 index, uptr start, uptr argument) {
        Hart& hart = harts_[index];
        HartState expected = HartState::Stopped;
        HartState wanted = HartState::StartPending;
        if (!__atomic_compare_exchange(&hart.state, &expected, &wanted, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST))
            return false;
        hart.start = start;
        hart.argument = argument;
        store(hart.may_start, u32{1});
        hardware_.interrupt(machine_.harts[index]);
        return true;
    }
    // For the hart itself, when it was interrupted: whether it may run now. What was asked of it while it was
    // stopped has been done then.
    bool take_start(u32 own) {
        Hart& hart = harts_[own];
        if (exchange(hart.may_start, u32{0}) == 0)
            return false;
        // In this order: who asks for a fence either sees that the hart runs, or has asked before.
        store(hart.state, HartState::Started);
        u32 wanted = load(hart.fences_wanted);
        hardware_.fence();
        store(hart.fences_done, wanted);
        store(hart.is_signalled, u32{0});
        return true;
    }

  private:
    const Description& machine_;
    Hart* harts_;
    Hardware& hardware_;
};

} // namespace vireo::arch::riscv::sbi
