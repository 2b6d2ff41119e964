// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/registers.h"
#include "arch/psci/resident.h"

namespace vireo::arch::psci {

namespace {

// As entry_arm64.S saves it: what a C++ function does not.
struct Frame {
    u64 x[18];
    u64 x18, x29, x30;
};

enum ExceptionClass : u64 { CallFrom32 = 0x13, CallFrom64 = 0x17 };

constexpr u64 is_32_bit = 1 << 4; // of a saved state
constexpr u64 user_mode_mask = 0xf;

// What nobody below may do is undefined there, as the processor would report it (Arm ARM D1.3): to EL2 where
// that has to do with it, else to EL1.
void reflect_as_undefined() {
    constexpr u64 undefined = 1 << 25; // class 0, an instruction of 32 bits
    constexpr u64 all_masked = 0x3c0;
    constexpr u64 kept = 0xf << 28 | 1 << 24 | 1 << 22; // NZCV, DIT, PAN
    u64 state = VIREO_READ_REGISTER(spsr_el3);
    u64 address = VIREO_READ_REGISTER(elr_el3);
    bool has_el2 = (VIREO_READ_REGISTER(id_aa64pfr0_el1) >> 8 & 0xf) != 0;
    bool from_user = (state & user_mode_mask) == 0;
    u64 level = (state & is_32_bit) != 0 ? (from_user ? 0 : 1) : state >> 2 & 3;
    bool to_el2 = level == 2;
    if (has_el2) {
        bool takes_users = (VIREO_READ_REGISTER(hcr_el2) >> 27 & 1) != 0; // TGE
        to_el2 |= from_user ? takes_users : (state & is_32_bit) != 0;
    }
    u64 offset = (state & is_32_bit) != 0 ? 0x600 : 0x400;
    if (level == (to_el2 ? 2u : 1u))
        offset = (state & 1) != 0 ? 0x200 : 0;
    u64 vectors;
    if (to_el2) {
        vectors = VIREO_READ_REGISTER(vbar_el2);
        VIREO_WRITE_REGISTER(elr_el2, address);
        VIREO_WRITE_REGISTER(spsr_el2, state);
        VIREO_WRITE_REGISTER(esr_el2, undefined);
    } else {
        vectors = VIREO_READ_REGISTER(vbar_el1);
        VIREO_WRITE_REGISTER(elr_el1, address);
        VIREO_WRITE_REGISTER(spsr_el1, state);
        VIREO_WRITE_REGISTER(esr_el1, undefined);
    }
    u64 mode = to_el2 ? 9 : 5;
    u64 flags = (state & is_32_bit) != 0 ? 0 : state & kept;
    VIREO_WRITE_REGISTER(elr_el3, vectors + offset);
    VIREO_WRITE_REGISTER(spsr_el3, flags | all_masked | mode);
}

} // namespace

FirstArguments first_arguments(uptr tree) { return {tree}; }

extern "C" void vireo_psci_trap(Frame* frame, u32 own) {
    u64 cause = VIREO_READ_REGISTER(esr_el3) >> 26 & 0x3f;
    if (cause != CallFrom32 && cause != CallFrom64)
        return reflect_as_undefined();
    Call call{static_cast<u32>(frame->x[0]), {frame->x[1], frame->x[2], frame->x[3]}};
    if (cause == CallFrom64) {
        frame->x[0] = static_cast<u64>(serve(own, call));
        return;
    }
    constexpr u32 of_64_bits = 0x40000000;
    frame->x[0] = static_cast<u32>((call.function & of_64_bits) != 0 ? sptr{NotSupported} : serve(own, call));
}

} // namespace vireo::arch::psci
