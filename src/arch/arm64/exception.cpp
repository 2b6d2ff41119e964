// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/registers.h"
#include "arch/common/attempt.h"
#include "arch/common/exception_report.h"
#include "arch/common/image.h"
#include "arch/common/start.h"

namespace vireo::arch {

namespace {

// As entry.S leaves it on the stack.
struct Frame {
    uptr x[31];
    uptr sp;
};

// Exception classes (ESR_ELx.EC) that Vireo's own code can cause. D17.2.37 of the Arm ARM.
std::string_view exception_class(u64 esr) {
    switch (esr >> 26 & 0x3f) {
    case 0x00:
        return "undefined instruction";
    case 0x07:
        return "floating point is off";
    case 0x0e:
        return "illegal execution state";
    case 0x15:
        return "unexpected SVC";
    case 0x18:
        return "trapped system register";
    case 0x20:
    case 0x21:
        return "instruction abort";
    case 0x22:
        return "misaligned program counter";
    case 0x24:
    case 0x25:
        return (esr & 1 << 6) != 0 ? "data abort on write" : "data abort on read";
    case 0x26:
        return "misaligned stack pointer";
    case 0x2f:
        return "system error";
    case 0x3c:
        return "breakpoint instruction";
    default:
        return "exception";
    }
}

bool is_abort(u64 esr) {
    u64 ec = esr >> 26 & 0x3f;
    return ec == 0x20 || ec == 0x21 || ec == 0x24 || ec == 0x25;
}

// The fault status of an abort (ESR_ELx.xFSC).
std::string_view fault_status(u64 esr) {
    switch (esr & 0x3f) {
    case 0x00 ... 0x03:
        return "address size fault";
    case 0x04 ... 0x07:
        return "nothing is mapped there";
    case 0x08 ... 0x0b:
        return "access flag fault";
    case 0x0c ... 0x0f:
        return "not permitted there";
    case 0x10:
    case 0x14 ... 0x17:
        return "external abort";
    case 0x21:
        return "alignment fault";
    default:
        return "other fault";
    }
}

constexpr const char* register_names[] = {"x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",   "x7",  "x8",
                                          "x9",  "x10", "x11", "x12", "x13", "x14", "x15",  "x16", "x17",
                                          "x18", "x19", "x20", "x21", "x22", "x23", "x24",  "x25", "x26",
                                          "x27", "x28", "x29", "lr",  "sp",  "pc",  "spsr", "esr", "far"};

} // namespace

// `vector` is the entry in the table of sixteen; the kind repeats every four. Returns if the access may fail.
extern "C" [[gnu::used]] void vireo_exception(usize vector, const Frame* frame) {
    bool el2 = at_el2();
    u64 esr = el2 ? VIREO_READ_REGISTER(esr_el2) : VIREO_READ_REGISTER(esr_el1);
    u64 far = el2 ? VIREO_READ_REGISTER(far_el2) : VIREO_READ_REGISTER(far_el1);
    u64 elr = el2 ? VIREO_READ_REGISTER(elr_el2) : VIREO_READ_REGISTER(elr_el1);
    u64 spsr = el2 ? VIREO_READ_REGISTER(spsr_el2) : VIREO_READ_REGISTER(spsr_el1);

    usize kind = vector % 4;
    if (kind == 0 && is_attempt(elr)) {
        if (el2)
            VIREO_WRITE_REGISTER(elr_el2, attempt_failed());
        else
            VIREO_WRITE_REGISTER(elr_el1, attempt_failed());
        return;
    }

    constexpr std::string_view kinds[] = {"", "unexpected IRQ", "unexpected FIQ", "system error"};
    StringBuffer<96> cause;
    if (kind != 0) {
        cause.write(kinds[kind]);
    } else {
        cause.write(exception_class(esr));
        if (is_abort(esr))
            print(cause, ": {}", fault_status(esr));
        if (is_abort(esr) && far >= image_address(vireo_guard) && far < image_address(vireo_stack_start))
            cause.write(" (stack overflow)");
    }

    RegisterValue values[std::size(register_names)];
    for (usize i = 0; i < 31; ++i)
        values[i] = {register_names[i], frame->x[i]};
    const uptr rest[] = {frame->sp, elr, spsr, esr, far};
    for (usize i = 0; i < std::size(rest); ++i)
        values[31 + i] = {register_names[31 + i], rest[i]};

    report_exception({.cause = cause.view(),
                      .address = kind == 0 && is_abort(esr) ? std::optional<uptr>(far) : std::nullopt,
                      .program_counter = elr,
                      .link_register = frame->x[30],
                      .stack_pointer = frame->sp,
                      .registers = values});
}

bool follows_call(uptr address) {
    if (address % 4 != 0)
        return false;
    u32 before = reinterpret_cast<const u32*>(address)[-1];
    return (before & 0xfc000000) == 0x94000000 || (before & 0xfffffc1f) == 0xd63f0000; // BL, BLR
}

extern "C" [[gnu::visibility("hidden")]] const char vireo_vectors[];

extern "C" [[gnu::used]] void vireo_install_vectors() {
    uptr table = reinterpret_cast<uptr>(vireo_vectors);
    if (at_el2())
        VIREO_WRITE_REGISTER(vbar_el2, table);
    else
        VIREO_WRITE_REGISTER(vbar_el1, table);
    asm volatile("isb");
    set_stack_bounds(image_address(vireo_stack_start), image_address(vireo_stack_end));
}

void install_vectors() { vireo_install_vectors(); }

} // namespace vireo::arch
