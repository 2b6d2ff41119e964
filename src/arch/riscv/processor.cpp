// SPDX-License-Identifier: Apache-2.0
#include "arch/riscv/processor.h"

#include "arch/arch.h"
#include "arch/common/start.h"
#include "arch/common/wake.h"
#include "arch/riscv/registers.h"
#include "arch/riscv/sbi.h"

extern "C" [[noreturn, gnu::visibility("hidden")]] void
vireo_switch_stack(vireo::uptr function, const void* argument, vireo::uptr distance);

namespace vireo::arch {

constinit const usize image_alignment = 4096;

namespace {

constinit riscv::Timer timer;
constinit uptr timer_extension = riscv::sbi::set_timer_0_1; // supervisor mode

// Of mie and sie: the timer and the external interrupt of the mode.
constexpr uptr machine_wake_sources = 1 << 7 | 1 << 11;
constexpr uptr supervisor_wake_sources = 1 << 5 | 1 << 9;

void store(uptr address, u32 value) { asm volatile("sw %0, 0(%1)" : : "r"(value), "r"(address) : "memory"); }

void set_alarm(u64 when) {
    if (riscv::is_supervisor()) {
        // On 32 bits the time takes two arguments.
        riscv::sbi::call(timer_extension, 0, static_cast<uptr>(when), static_cast<uptr>(when >> 16 >> 16));
        return;
    }
    // Never a moment that is earlier than both the old and the new one (Privileged Architecture 3.2.1).
    store(timer.compare, ~u32{0});
    store(timer.compare + 4, static_cast<u32>(when >> 32));
    store(timer.compare, static_cast<u32>(when));
}

} // namespace

namespace riscv {

void set_timer(const Timer& found) {
    timer = found;
    if (is_supervisor() && sbi::has(sbi::timer))
        timer_extension = sbi::timer;
    set_alarm(~u64{0});
}

usize parking_bytes() {
    bool in_ram = (vireo_start_mode & START_FROM_FLASH) == 0;
    return in_ram && !(is_supervisor() && sbi::has(sbi::hart_state)) ? 4096 : 0;
}

} // namespace riscv

// By the `time` register where it can be read: under emulation the counter in memory costs a lock that
// devices need, too. In supervisor mode there is no other.
u64 ticks() {
    bool by_register = (vireo_start_mode & START_HAS_TIME) != 0;
#if __riscv_xlen == 64
    if (by_register)
        return VIREO_READ_CSR(time);
    u64 value;
    asm volatile("ld %0, 0(%1)" : "=r"(value) : "r"(timer.counter) : "memory");
    return value;
#else
    u32 low;
    u32 high;
    u32 high_after;
    do { // until the upper half did not change in between
        if (by_register)
            asm volatile("csrr %0, timeh\n csrr %1, time\n csrr %2, timeh"
                         : "=&r"(high), "=&r"(low), "=&r"(high_after)
                         :
                         : "memory");
        else
            asm volatile("lw %0, 4(%3)\n lw %1, 0(%3)\n lw %2, 4(%3)"
                         : "=&r"(high), "=&r"(low), "=&r"(high_after)
                         : "r"(timer.counter)
                         : "memory");
    } while (high != high_after);
    return u64{high} << 32 | low;
#endif
}

u64 ticks_per_second() { return timer.ticks_per_second; }

void idle_until(u64 deadline) {
    const Wake& sources = wake();
    if (!sources.timer)
        return relax();
    u64 now = ticks();
    if (deadline <= now)
        return;
    set_alarm(now + std::min(deadline - now, sources.longest_sleep));
    // Interrupts are off as a whole: wfi ends when one of these is pending, even if it was pending
    // before, and none is taken.
    VIREO_WRITE_MODE_CSR(ie, riscv::is_supervisor() ? supervisor_wake_sources : machine_wake_sources);
    asm volatile("fence iorw, iorw\n wfi" : : : "memory");
    VIREO_WRITE_MODE_CSR(ie, 0);
    set_alarm(~u64{0});
    if (sources.acknowledge)
        sources.acknowledge();
}

void barrier_full() { asm volatile("fence iorw, iorw" : : : "memory"); }
void barrier_release() { asm volatile("fence iorw, ow" : : : "memory"); }
void barrier_acquire() { asm volatile("fence ir, iorw" : : : "memory"); }

void sync_instruction_cache(const void*, usize) { asm volatile("fence.i" : : : "memory"); }

void halt() {
    VIREO_WRITE_MODE_CSR(ie, 0);
    for (;;)
        asm volatile("wfi");
}

#if __riscv_xlen == 64
std::string_view name() { return "riscv64"; }
#else
std::string_view name() { return "riscv32"; }
#endif

std::string_view privilege() { return riscv::is_supervisor() ? "supervisor mode" : "machine mode"; }

void move_to(uptr distance, const void* handoff) {
    vireo_switch_stack(reinterpret_cast<uptr>(&vireo_late) + distance, handoff, distance);
}

} // namespace vireo::arch
