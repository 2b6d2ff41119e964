// SPDX-License-Identifier: Apache-2.0
#include "arch/arch.h"
#include "arch/arm64/registers.h"
#include "arch/common/arm_processor.h"
#include "arch/common/start.h"
#include "arch/common/wake.h"

extern "C" [[noreturn, gnu::visibility("hidden")]] void
vireo_switch_stack(vireo::uptr function, const void* argument, vireo::uptr distance);

namespace vireo::arch {

// The virtual counter and timer: they are there at every exception level and under every hypervisor.
u64 ticks() {
    u64 value;
    // Without the barrier the counter could be read before what comes earlier in the program,
    // and seem to go back.
    asm volatile("isb\n mrs %0, cntvct_el0" : "=r"(value) : : "memory");
    return value;
}

u64 ticks_per_second() {
    u64 rate = VIREO_READ_REGISTER(cntfrq_el0) & 0xffffffff;
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
    VIREO_WRITE_REGISTER(cntv_cval_el0, deadline);
    VIREO_WRITE_REGISTER(cntv_ctl_el0, 1);
    // Interrupts are masked in PSTATE: wfi ends when one is pending, even if it was pending
    // before, and none is taken.
    asm volatile("isb\n dsb sy\n wfi" : : : "memory");
    VIREO_WRITE_REGISTER(cntv_ctl_el0, 0);
    asm volatile("isb");
    if (sources.acknowledge)
        sources.acknowledge();
}

void barrier_full() { asm volatile("dmb sy" : : : "memory"); }
void barrier_release() { asm volatile("dmb sy" : : : "memory"); }
void barrier_acquire() { asm volatile("dmb ld" : : : "memory"); }

void sync_instruction_cache(const void* start, usize bytes) {
    usize line = data_line_bytes();
    uptr base = reinterpret_cast<uptr>(start);
    for (uptr at = base & ~(line - 1); at < base + bytes; at += line)
        asm volatile("dc cvau, %0" : : "r"(at) : "memory");
    // Of the instruction caches all of this processor's, which is the only one that runs.
    asm volatile("dsb ish\n ic iallu\n dsb ish\n isb" : : : "memory");
}

void halt() {
    asm volatile("msr daifset, #15");
    for (;;)
        asm volatile("wfi");
}

std::string_view name() { return "arm64"; }
std::string_view privilege() { return at_el2() ? "EL2" : "EL1"; }

void move_to(uptr distance, const void* handoff) {
    vireo_switch_stack(reinterpret_cast<uptr>(&vireo_late) + distance, handoff, distance);
}

// --- arm_processor.h ---

i64 psci_call(PsciConduit conduit, u32 function) {
    // SMC Calling Convention 1.1: x0 to x17 may change.
    register u64 x0 asm("x0") = function;
    register u64 x1 asm("x1") = 0;
    register u64 x2 asm("x2") = 0;
    register u64 x3 asm("x3") = 0;
#define VIREO_PSCI(instruction)                                                                              \
    asm volatile(instruction " #0"                                                                           \
                 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)                                                    \
                 :                                                                                           \
                 : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",      \
                   "x17", "memory")
    if (conduit == PsciConduit::Smc)
        VIREO_PSCI("smc");
    else
        VIREO_PSCI("hvc");
#undef VIREO_PSCI
    return static_cast<i32>(x0);
}

uptr data_line_bytes() { return uptr{4} << (VIREO_READ_REGISTER(ctr_el0) >> 16 & 0xf); }

void stop_interrupts() {
    asm volatile("msr daifset, #15" : : : "memory");
    VIREO_WRITE_REGISTER(cntv_ctl_el0, 0);
}

u64 processor_affinity() {
    u64 mpidr = VIREO_READ_REGISTER(mpidr_el1);
    return (mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff);
}

bool enable_gic_v3_interface() {
    if ((VIREO_READ_REGISTER(id_aa64pfr0_el1) >> 24 & 0xf) == 0)
        return false;
    if (at_el2())
        VIREO_WRITE_REGISTER(s3_4_c12_c9_5, 0xf); // ICC_SRE_EL2
    VIREO_WRITE_REGISTER(s3_0_c12_c12_5, 7);      // ICC_SRE_EL1: system registers
    asm volatile("isb");
    VIREO_WRITE_REGISTER(s3_0_c4_c6_0, 0xff); // ICC_PMR_EL1: every priority
    VIREO_WRITE_REGISTER(s3_0_c12_c12_6, 1);  // ICC_IGRPEN0_EL1
    VIREO_WRITE_REGISTER(s3_0_c12_c12_7, 1);  // ICC_IGRPEN1_EL1
    asm volatile("isb");
    return true;
}

void disable_gic_v3_interface() {
    VIREO_WRITE_REGISTER(s3_0_c12_c12_6, 0); // ICC_IGRPEN0_EL1
    VIREO_WRITE_REGISTER(s3_0_c12_c12_7, 0); // ICC_IGRPEN1_EL1
    VIREO_WRITE_REGISTER(s3_0_c4_c6_0, 0);   // ICC_PMR_EL1
    asm volatile("isb");
}

} // namespace vireo::arch
