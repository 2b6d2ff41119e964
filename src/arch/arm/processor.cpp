// SPDX-License-Identifier: Apache-2.0
#include "arch/arch.h"
#include "arch/arm/registers.h"
#include "arch/common/arm_processor.h"
#include "arch/common/start.h"
#include "arch/common/wake.h"

extern "C" [[noreturn, gnu::visibility("hidden")]] void
vireo_switch_stack(vireo::uptr function, const void* argument, vireo::uptr distance);

namespace vireo::arch {

// The virtual counter and timer: they are there in every mode and under every hypervisor.
u64 ticks() {
    u32 low;
    u32 high;
    // Without the barrier the counter could be read before what comes earlier in the program,
    // and seem to go back.
    asm volatile("isb\n mrrc p15, 1, %0, %1, c14" : "=r"(low), "=r"(high) : : "memory");
    return u64{high} << 32 | low;
}

u64 ticks_per_second() {
    u32 rate = VIREO_READ_CP15("0, %0, c14, c0, 0");
    return rate != 0 ? rate : default_counter_rate;
}

void idle_until(u64 deadline) {
    const Wake& sources = wake();
    if (!sources.timer)
        return relax();
    u64 now = ticks();
    if (deadline <= now)
        return;
    deadline = now + std::min(deadline - now, sources.longest_sleep);
    asm volatile("mcrr p15, 3, %0, %1, c14"
                 :
                 : "r"(static_cast<u32>(deadline)), "r"(static_cast<u32>(deadline >> 32)));
    VIREO_WRITE_CP15("0, %0, c14, c3, 1", 1); // CNTV_CTL: on
    // Interrupts are masked in CPSR: wfi ends when one is pending, even if it was pending
    // before, and none is taken.
    asm volatile("isb\n dsb sy\n wfi" : : : "memory");
    VIREO_WRITE_CP15("0, %0, c14, c3, 1", 0);
    asm volatile("isb");
    if (sources.acknowledge)
        sources.acknowledge();
}

void barrier_full() { asm volatile("dmb sy" : : : "memory"); }
void barrier_release() { asm volatile("dmb sy" : : : "memory"); }
void barrier_acquire() { asm volatile("dmb sy" : : : "memory"); }

void sync_instruction_cache(const void* start, usize bytes) {
    usize data_line = data_line_bytes();
    uptr base = reinterpret_cast<uptr>(start);
    // Counted, not compared: the range may end where the address space does.
    uptr first = base & ~(data_line - 1);
    for (usize done = 0; done < bytes + (base - first); done += data_line)
        VIREO_WRITE_CP15("0, %0, c7, c11, 1", first + done); // DCCMVAU
    asm volatile("dsb");
    VIREO_WRITE_CP15("0, %0, c7, c5, 0", 0); // ICIALLU
    VIREO_WRITE_CP15("0, %0, c7, c5, 6", 0); // BPIALL
    asm volatile("dsb\n isb" : : : "memory");
}

void halt() {
    asm volatile("cpsid aif");
    for (;;)
        asm volatile("wfi");
}

std::string_view name() { return "arm"; }
std::string_view privilege() { return "SVC"; }

void move_to(uptr distance, const void* handoff) {
    vireo_switch_stack(reinterpret_cast<uptr>(&vireo_late) + distance, handoff, distance);
}

// --- arm_processor.h ---

i64 psci_call(PsciConduit conduit, u32 function) {
    // SMC Calling Convention 1.0: r0 to r3 are arguments and results.
    register u32 r0 asm("r0") = function;
    register u32 r1 asm("r1") = 0;
    register u32 r2 asm("r2") = 0;
    register u32 r3 asm("r3") = 0;
    if (conduit == PsciConduit::Smc)
        asm volatile(".arch_extension sec\n smc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "memory");
    else
        asm volatile(".arch_extension virt\n hvc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : : "memory");
    return static_cast<i32>(r0);
}

uptr data_line_bytes() { return uptr{4} << (VIREO_READ_CP15("0, %0, c0, c0, 1") >> 16 & 0xf); } // CTR

void stop_interrupts() {
    asm volatile("cpsid aif" : : : "memory");
    VIREO_WRITE_CP15("0, %0, c14, c3, 1", 0); // CNTV_CTL
}

u64 processor_affinity() { return VIREO_READ_CP15("0, %0, c0, c0, 5") & 0xffffff; }

bool enable_gic_v3_interface() {
    if (VIREO_READ_CP15("0, %0, c0, c1, 1") >> 28 == 0)
        return false;
    VIREO_WRITE_CP15("0, %0, c12, c12, 5", 7); // ICC_SRE: system registers
    asm volatile("isb");
    VIREO_WRITE_CP15("0, %0, c4, c6, 0", 0xff); // ICC_PMR: every priority
    VIREO_WRITE_CP15("0, %0, c12, c12, 6", 1);  // ICC_IGRPEN0
    VIREO_WRITE_CP15("0, %0, c12, c12, 7", 1);  // ICC_IGRPEN1
    asm volatile("isb");
    return true;
}

void disable_gic_v3_interface() {
    VIREO_WRITE_CP15("0, %0, c12, c12, 6", 0); // ICC_IGRPEN0
    VIREO_WRITE_CP15("0, %0, c12, c12, 7", 0); // ICC_IGRPEN1
    VIREO_WRITE_CP15("0, %0, c4, c6, 0", 0);   // ICC_PMR
    asm volatile("isb");
}

} // namespace vireo::arch
