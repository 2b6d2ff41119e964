// SPDX-License-Identifier: Apache-2.0
#include "arch/riscv/processor.h"

#include "arch/arch.h"
#include "arch/common/start.h"
#include "arch/common/wake.h"
#include "arch/riscv/registers.h"

extern "C" [[noreturn, gnu::visibility("hidden")]] void
vireo_switch_stack(vireo::uptr function, const void* argument, vireo::uptr distance);

namespace vireo::arch {

constinit const usize image_alignment = 4096;

namespace {

constinit riscv::Timer timer;

constexpr uptr machine_timer_interrupt = 1 << 7;
constexpr uptr machine_external_interrupt = 1 << 11;

void store(uptr address, u32 value) { asm volatile("sw %0, 0(%1)" : : "r"(value), "r"(address) : "memory"); }

void set_compare(u64 when) {
    // Never a moment that is earlier than both the old and the new one (Privileged Architecture 3.2.1).
    store(timer.compare, ~u32{0});
    store(timer.compare + 4, static_cast<u32>(when >> 32));
    store(timer.compare, static_cast<u32>(when));
}

} // namespace

namespace riscv {
void set_timer(const Timer& found) {
    timer = found;
    set_compare(~u64{0});
}
} // namespace riscv

// The counter in memory, not the `time` register: in machine mode that one may trap.
u64 ticks() {
#if __riscv_xlen == 64
    u64 value;
    asm volatile("ld %0, 0(%1)" : "=r"(value) : "r"(timer.counter) : "memory");
    return value;
#else
    u32 low;
    u32 high;
    u32 high_after;
    do { // until the upper half did not change in between
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
    set_compare(now + std::min(deadline - now, sources.longest_sleep));
    // mstatus.MIE is off: wfi ends when one of these is pending, even if it was pending before, and none is taken.
    VIREO_WRITE_CSR(mie, machine_timer_interrupt | machine_external_interrupt);
    asm volatile("fence iorw, iorw\n wfi" : : : "memory");
    VIREO_WRITE_CSR(mie, 0);
    set_compare(~u64{0});
    if (sources.acknowledge)
        sources.acknowledge();
}

void barrier_full() { asm volatile("fence iorw, iorw" : : : "memory"); }
void barrier_release() { asm volatile("fence iorw, ow" : : : "memory"); }
void barrier_acquire() { asm volatile("fence ir, iorw" : : : "memory"); }

void sync_instruction_cache(const void*, usize) { asm volatile("fence.i" : : : "memory"); }

void halt() {
    VIREO_WRITE_CSR(mie, 0);
    for (;;)
        asm volatile("wfi");
}

#if __riscv_xlen == 64
std::string_view name() { return "riscv64"; }
#else
std::string_view name() { return "riscv32"; }
#endif

std::string_view privilege() { return "machine mode"; }

void protect_memory(std::span<const RamRange>) {}

void move_to(uptr distance, const void* handoff) {
    vireo_switch_stack(reinterpret_cast<uptr>(&vireo_late) + distance, handoff, distance);
}

} // namespace vireo::arch
