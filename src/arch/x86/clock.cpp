// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/clock.h"

#include "arch/arch.h"
#include "arch/x86/local_apic.h"
#include "arch/x86/ports.h"

namespace vireo::arch {
namespace x86 {
namespace {

u64 read_tsc() {
    u32 low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return u64{high} << 32 | low;
}

// A counter of known rate that wraps at `mask` + 1.
struct Reference {
    u64 hertz;
    u32 mask;
    // Reads the counter and notes the TSC right before and right after the moment of reading.
    u32 (*read)(u64& before, u64& after);
    // The shortest window and the longest that is waited for better precision, in counts.
    u32 shortest;
    u32 longest;
};

// One reading of both: the reference showed `count` at some moment between `before` and `after`.
struct Sample {
    u64 before = 0;
    u64 after = 0;
    u32 count = 0;
    u64 width() const { return after - before; }
    u64 middle() const { return before + width() / 2; }
};

constinit u16 pm_timer_port = 0;

u32 read_pm_timer(u64& before, u64& after) {
    before = read_tsc();
    u32 count = in32(pm_timer_port);
    after = read_tsc();
    return count;
}

u32 read_local_apic(u64& before, u64& after) {
    before = read_tsc();
    u32 count = local_apic::read(local_apic::timer_current);
    after = read_tsc();
    return ~count; // it counts down
}

constexpr Reference pm_timer{3'579'545, 0xff'ffff, read_pm_timer, 3'580, 71'600}; // 1 to 20 ms
constexpr Reference local_apic_timer{local_apic::timer_hertz, ~u32{0}, read_local_apic, 62'500,
                                     1'250'000}; // the same

constinit const Reference* reference = nullptr;
constinit Sample first;
constinit u64 rate = 0;

// A processor runs slower than this and faster than that in no machine; a reading outside means that the
// reference wrapped while the host did not run us.
constexpr u64 slowest = 10'000'000;
constexpr u64 fastest = 20'000'000'000;
constexpr u64 fallback_rate = 1'000'000'000;

// The host may stop us anywhere, most likely in the middle of a device access. What counts is that the pair
// around such an access then shows it: of a few, the narrowest.
Sample take_sample() {
    constexpr int tries = 4;
    Sample best;
    for (int i = 0; i < tries; ++i) {
        Sample sample;
        sample.count = reference->read(sample.before, sample.after);
        if (i == 0 || sample.width() < best.width())
            best = sample;
    }
    return best;
}

// The rate from `first` and a second sample, wrong by less than one part in `precision` as long as the
// reference is right: the error is at most half of both widths and a count, and the window grows until that
// is small enough. 0 if the reference does not move or wrapped.
u64 measure() {
    constexpr u64 precision = 500;
    // Each turn takes a microsecond at the very least, so this is well past `longest`.
    constexpr int most_turns = 100'000;
    for (int turn = 0; turn < most_turns; ++turn) {
        Sample second = take_sample();
        u32 counts = (second.count - first.count) & reference->mask;
        if (counts < reference->shortest)
            continue;
        u64 elapsed = second.middle() - first.middle();
        u64 error = (first.width() + second.width()) / 2 + elapsed / counts;
        if (error * precision > elapsed && counts < reference->longest)
            continue;
        u64 result = elapsed * reference->hertz / counts;
        return result >= slowest && result <= fastest ? result : 0;
    }
    return 0;
}

// Ends the measurement that start_clock_with_pm_timer began.
u64 find_rate() {
    rate = reference ? measure() : fallback_rate;
    if (rate == 0) {
        // 4.7 s and more went by unseen. Again, with a window of its own.
        first = take_sample();
        rate = measure();
    }
    if (rate == 0)
        rate = fallback_rate;
    return rate;
}

} // namespace

void start_clock_with_pm_timer(u16 port) {
    pm_timer_port = port;
    reference = &pm_timer;
    first = take_sample();
}

bool start_clock_with_local_apic() {
    if (!local_apic::is_there())
        return false;
    local_apic::start_timer(~u32{0}); // the first sleep, which takes the timer over, asks for the rate before
    reference = &local_apic_timer;
    first = take_sample();
    return true;
}

} // namespace x86

u64 ticks() { return x86::read_tsc(); }

u64 ticks_per_second() { return x86::rate != 0 ? x86::rate : x86::find_rate(); }

} // namespace vireo::arch
