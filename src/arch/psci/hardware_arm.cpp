// SPDX-License-Identifier: Apache-2.0
#include "arch/arm/registers.h"
#include "arch/psci/words.h"

// In monitor mode. Of banked registers it sees those of the world that SCR.NS names, so that changes first.
namespace vireo::arch::psci {

namespace {

constexpr u32 bit(unsigned number) { return u32{1} << number; }

// Which registers there are (ID_PFR1).
u32 features() { return VIREO_READ_CP15("0, %0, c0, c1, 1"); }
bool has_hyp() { return (features() >> 12 & 0xf) != 0; }

void barrier() { asm volatile("isb" : : : "memory"); }

} // namespace

// --- the GICv3's processor interface, by system registers ---

void set_up_gic_v3() {
    VIREO_WRITE_CP15("6, %0, c12, c12, 5", 0xf); // ICC_MSRE: by registers, below as well
    barrier();
    VIREO_WRITE_CP15("6, %0, c12, c12, 4", 0); // ICC_MCTLR
}

void listen_gic_v3(bool to_wakes) {
    VIREO_WRITE_CP15("0, %0, c4, c6, 0", 0xff);            // ICC_PMR: every priority
    VIREO_WRITE_CP15("6, %0, c12, c12, 7", 0);             // ICC_MGRPEN1
    VIREO_WRITE_CP15("0, %0, c12, c12, 6", u32{to_wakes}); // ICC_IGRPEN0
    barrier();
}

u32 take_interrupt_gic_v3() {
    u32 number = VIREO_READ_CP15("0, %0, c12, c8, 0") & 0xffffff; // ICC_IAR0
    asm volatile("dsb sy" : : : "memory");
    if (number < no_interrupt)
        VIREO_WRITE_CP15("0, %0, c12, c8, 1", number); // ICC_EOIR0
    barrier();
    return number;
}

void send_gic_v3(u64 command) {
    asm volatile("dsb sy\n mcrr p15, 2, %0, %1, c12\n isb" // ICC_SGI0R
                 :
                 : "r"(static_cast<u32>(command)), "r"(static_cast<u32>(command >> 32))
                 : "memory");
}

// --- the processor ---

void wait_for_interrupt() { asm volatile("dsb sy\n wfi" : : : "memory"); }

void set_up_processor(u32 counter_rate) {
    VIREO_WRITE_CP15("0, %0, c1, c1, 0", 0); // SCR: a caller may have been here
    barrier();
    VIREO_WRITE_CP15("0, %0, c14, c0, 0", counter_rate); // CNTFRQ
    // NSACR: floating point and vectors for both worlds.
    VIREO_WRITE_CP15("0, %0, c1, c1, 2", bit(10) | bit(11));
    u32 system_control = VIREO_READ_CP15("0, %0, c1, c0, 0");
    // SCR: NS; FW, AW; HCE where there is HYP; calls, which SCD would forbid.
    VIREO_WRITE_CP15("0, %0, c1, c1, 0", bit(0) | bit(4) | bit(5) | (has_hyp() ? bit(8) : 0));
    barrier();
    // The other world's: translation and caches are off here, and what else is on must be.
    VIREO_WRITE_CP15("0, %0, c1, c0, 0", system_control); // SCTLR
    VIREO_WRITE_CP15("0, %0, c2, c0, 2", 0);              // TTBCR
    VIREO_WRITE_CP15("0, %0, c12, c0, 0", 0);             // VBAR
    VIREO_WRITE_CP15("0, %0, c14, c2, 1", 0);             // CNTP_CTL
    VIREO_WRITE_CP15("0, %0, c14, c3, 1", 0);             // CNTV_CTL
    if (!has_hyp())
        return barrier();
    VIREO_WRITE_CP15("4, %0, c1, c0, 0", 0x30c50830);               // HSCTLR
    VIREO_WRITE_CP15("4, %0, c1, c1, 0", 0);                        // HCR: no traps, no second translation
    VIREO_WRITE_CP15("4, %0, c1, c1, 2", 0x33ff);                   // HCPTR: the bits that are always one
    VIREO_WRITE_CP15("4, %0, c1, c1, 3", 0);                        // HSTR
    VIREO_WRITE_CP15("4, %0, c14, c1, 0", 3);                       // CNTHCTL
    VIREO_WRITE_CP15("4, %0, c14, c2, 1", 0);                       // CNTHP_CTL
    asm volatile("mcrr p15, 4, %0, %0, c14" : : "r"(0) : "memory"); // CNTVOFF
    barrier();
}

} // namespace vireo::arch::psci
