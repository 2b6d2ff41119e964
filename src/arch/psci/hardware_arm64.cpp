// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/registers.h"
#include "arch/psci/words.h"

namespace vireo::arch::psci {

namespace {

// Field of four bits of an identification register.
#define FIELD(name, shift) (VIREO_READ_REGISTER(name) >> (shift) & 0xf)
#define IF(condition, bits) ((condition) ? (bits) : u64{0})
constexpr u64 bit(unsigned number) { return u64{1} << number; }

bool has_el2() { return FIELD(id_aa64pfr0_el1, 8) != 0; }
bool has_sve() { return FIELD(id_aa64pfr0_el1, 32) != 0; }
bool has_sme() { return FIELD(id_aa64pfr1_el1, 24) != 0; }

// What of the processor's features EL3 can hold back it does not (Linux,
// Documentation/arch/arm64/booting.rst). A bit is set where there is something behind it:
// elsewhere it is reserved.
u64 secure_configuration() {
    bool authenticates = (VIREO_READ_REGISTER(id_aa64isar1_el1) & 0xff000ff0) != 0 ||
                         (VIREO_READ_REGISTER(s3_0_c0_c6_2) & 0xff00) != 0; // ID_AA64ISAR2_EL1
    u64 mmfr3 = VIREO_READ_REGISTER(s3_0_c0_c7_3);                          // ID_AA64MMFR3_EL1
    u64 fine_traps = FIELD(id_aa64mmfr0_el1, 56);
    return bit(0) | bit(4) | bit(5) | bit(10)              // NS, two that are one, 64 bits below
           | IF(has_el2(), bit(8))                         // HCE
           | IF(authenticates, bit(16) | bit(17))          // APK, API
           | IF(FIELD(id_aa64pfr0_el1, 56) >= 2, bit(25))  // EnSCXT
           | IF(FIELD(id_aa64pfr1_el1, 8) >= 2, bit(26))   // ATA
           | IF(fine_traps >= 1, bit(27))                  // FGTEn
           | IF(FIELD(id_aa64mmfr0_el1, 60) >= 2, bit(28)) // ECVEn
           | IF(FIELD(id_aa64mmfr1_el1, 40) >= 1, bit(38)) // HXEn
           | IF(FIELD(id_aa64pfr1_el1, 44) >= 1, bit(39))  // GCSEn
           | IF(has_sme(), bit(41))                        // EnTP2
           | IF(FIELD(id_aa64pfr1_el1, 48) >= 1, bit(42))  // RCWMASKEn
           | IF((mmfr3 & 0xf) != 0, bit(43))               // TCR2En
           | IF((mmfr3 >> 4 & 0xf) != 0, bit(44))          // SCTLR2En
           | IF((mmfr3 >> 8 & 0xff) != 0, bit(45))         // PIEn
           | IF((mmfr3 >> 24 & 0xf) != 0, bit(46))         // AIEn
           | IF(fine_traps >= 2, bit(59));                 // FGTEn2
}

// The same for what measures and traces.
u64 debug_configuration() {
    return IF(FIELD(id_aa64dfr0_el1, 32) != 0, u64{3} << 12)    // NSPB: profiling
           | IF(FIELD(id_aa64dfr0_el1, 44) != 0, u64{3} << 24)  // NSTB: trace buffer
           | IF(FIELD(id_aa64dfr0_el1, 52) != 0, u64{1} << 32); // SBRBE: branch records
}

void set_up_vectors_of_numbers() {
    u64 traps = IF(has_sve(), bit(8)) | IF(has_sme(), bit(12)); // EZ, ESM
    VIREO_WRITE_REGISTER(cptr_el3, traps);
    asm volatile("isb" : : : "memory");
    constexpr u64 longest = 0xf;
    if (has_sve())
        VIREO_WRITE_REGISTER(s3_6_c1_c2_0, longest); // ZCR_EL3
    if (has_sme()) {
        u64 smfr0 = VIREO_READ_REGISTER(s3_0_c0_c4_5); // ID_AA64SMFR0_EL1
        u64 extras = IF((smfr0 >> 63) != 0, bit(31)) | IF((smfr0 >> 56 & 0xf) != 0, bit(30)); // FA64, EZT0
        VIREO_WRITE_REGISTER(s3_6_c1_c2_6, longest | extras);                                 // SMCR_EL3
    }
}

// As after a reset, where it matters to code that is entered with translation off.
void set_up_level_below() {
    constexpr u64 sctlr_el1_off = 0x30d00800;
    constexpr u64 sctlr_el2_off = 0x30c50830;
    VIREO_WRITE_REGISTER(sctlr_el1, sctlr_el1_off);
    VIREO_WRITE_REGISTER(cntp_ctl_el0, 0);
    VIREO_WRITE_REGISTER(cntv_ctl_el0, 0);
    if (!has_el2())
        return;
    VIREO_WRITE_REGISTER(sctlr_el2, sctlr_el2_off);
    VIREO_WRITE_REGISTER(hcr_el2, bit(31)); // 64 bits below, no second translation
    VIREO_WRITE_REGISTER(cptr_el2, 0x33ff);
    VIREO_WRITE_REGISTER(hstr_el2, 0);
    VIREO_WRITE_REGISTER(cnthctl_el2, 3);
    VIREO_WRITE_REGISTER(cntvoff_el2, 0);
    VIREO_WRITE_REGISTER(cnthp_ctl_el2, 0);
}

} // namespace

// --- the GICv3's processor interface, by system registers ---

void set_up_gic_v3() {
    VIREO_WRITE_REGISTER(s3_6_c12_c12_5, 0xf); // ICC_SRE_EL3: by registers, below as well
    asm volatile("isb" : : : "memory");
    VIREO_WRITE_REGISTER(s3_6_c12_c12_4, 0); // ICC_CTLR_EL3
}

void listen_gic_v3(bool to_wakes) {
    VIREO_WRITE_REGISTER(s3_0_c4_c6_0, 0xff);            // ICC_PMR_EL1: every priority
    VIREO_WRITE_REGISTER(s3_6_c12_c12_7, 0);             // ICC_IGRPEN1_EL3
    VIREO_WRITE_REGISTER(s3_0_c12_c12_6, u64{to_wakes}); // ICC_IGRPEN0_EL1
    asm volatile("isb" : : : "memory");
}

u32 take_interrupt_gic_v3() {
    auto number = static_cast<u32>(VIREO_READ_REGISTER(s3_0_c12_c8_0) & 0xffffff); // ICC_IAR0_EL1
    asm volatile("dsb sy" : : : "memory");
    if (number < no_interrupt)
        VIREO_WRITE_REGISTER(s3_0_c12_c8_1, u64{number}); // ICC_EOIR0_EL1
    asm volatile("isb" : : : "memory");
    return number;
}

void send_gic_v3(u64 command) {
    asm volatile("dsb sy" : : : "memory");
    VIREO_WRITE_REGISTER(s3_0_c12_c11_7, command); // ICC_SGI0R_EL1
    asm volatile("isb" : : : "memory");
}

// --- the processor ---

void wait_for_interrupt() { asm volatile("dsb sy\n wfi" : : : "memory"); }

void set_up_processor(u32 counter_rate) {
    set_up_vectors_of_numbers();
    VIREO_WRITE_REGISTER(mdcr_el3, debug_configuration());
    VIREO_WRITE_REGISTER(cntfrq_el0, u64{counter_rate});
    VIREO_WRITE_REGISTER(cntps_ctl_el1, 0);
    VIREO_WRITE_REGISTER(scr_el3, secure_configuration());
    asm volatile("isb" : : : "memory");
    set_up_level_below();
}

} // namespace vireo::arch::psci
