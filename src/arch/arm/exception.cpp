// SPDX-License-Identifier: Apache-2.0
#include "arch/arm/registers.h"
#include "arch/common/attempt.h"
#include "arch/common/exception_report.h"
#include "arch/common/image.h"
#include "arch/common/start.h"

extern "C" {
extern const char vireo_vectors[] __attribute__((visibility("hidden")));
[[gnu::visibility("hidden")]] void vireo_set_exception_stacks(vireo::uptr end);
}

namespace vireo::arch {

namespace {

// As entry.S leaves it on the stack.
struct Frame {
    u32 spsr;
    u32 sp;
    u32 lr;
    u32 r[13];
    u32 pc;
};

enum Vector : u32 { Undefined = 1, Supervisor = 2, PrefetchAbort = 3, DataAbort = 4, Irq = 6, Fiq = 7 };

// The status of an abort with short descriptors: DFSR or IFSR, bits 10 and 3 to 0 (Arm ARM B3.13.3).
std::string_view fault_status(u32 status) {
    switch ((status >> 10 & 1) << 4 | (status & 0xf)) {
    case 0x01:
        return "alignment fault";
    case 0x05:
    case 0x07:
        return "nothing is mapped there";
    case 0x03:
    case 0x06:
        return "access flag fault";
    case 0x09:
    case 0x0b:
        return "domain fault";
    case 0x0d:
    case 0x0f:
        return "not permitted there";
    case 0x08:
    case 0x0c:
    case 0x0e:
    case 0x16:
        return "external abort";
    default:
        return "other fault";
    }
}

constexpr const char* names[] = {"r0", "r1",  "r2",  "r3",  "r4", "r5", "r6", "r7", "r8",
                                 "r9", "r10", "r11", "r12", "sp", "lr", "pc", "psr"};

} // namespace

// Returns if the access may fail.
extern "C" [[gnu::used]] void vireo_exception(u32 vector, Frame* frame) {
    if (vector == DataAbort && is_attempt(frame->pc)) {
        frame->pc = attempt_failed();
        return;
    }
    u32 status = 0;
    std::optional<uptr> address;
    StringBuffer<96> cause;
    switch (vector) {
    case Undefined:
        cause.write("undefined instruction");
        break;
    case Supervisor:
        cause.write("unexpected SVC");
        break;
    case PrefetchAbort:
        status = VIREO_READ_CP15("0, %0, c5, c0, 1");
        address = VIREO_READ_CP15("0, %0, c6, c0, 2");
        print(cause, "prefetch abort: {}", fault_status(status));
        break;
    case DataAbort:
        status = VIREO_READ_CP15("0, %0, c5, c0, 0");
        address = VIREO_READ_CP15("0, %0, c6, c0, 0");
        print(cause, "data abort on {}: {}", (status & 1 << 11) != 0 ? "write" : "read",
              fault_status(status));
        if (*address >= image_address(vireo_guard) && *address < image_address(vireo_stack_start))
            cause.write(" (stack overflow)");
        break;
    default:
        cause.write(vector == Irq ? "unexpected IRQ" : "unexpected FIQ");
    }

    RegisterValue values[std::size(names)];
    for (usize i = 0; i < 13; ++i)
        values[i] = {names[i], frame->r[i]};
    values[13] = {names[13], frame->sp};
    values[14] = {names[14], frame->lr};
    values[15] = {names[15], frame->pc};
    values[16] = {names[16], frame->spsr};

    report_exception({.cause = cause.view(),
                      .address = address,
                      .program_counter = frame->pc,
                      .link_register = frame->lr,
                      .stack_pointer = frame->sp,
                      .registers = values});
}

// Vireo's code on arm is Thumb: a return address has bit 0 set.
bool follows_call(uptr address) {
    if (address % 2 == 0)
        return false;
    const auto* before = reinterpret_cast<const u16*>(address - 1);
    return ((before[-2] & 0xf800) == 0xf000 && (before[-1] & 0xc000) == 0xc000) || // BL, BLX to a label
           (before[-1] & 0xff87) == 0x4780;                                        // BLX register
}

extern "C" [[gnu::used]] void vireo_install_vectors() {
    VIREO_WRITE_CP15("0, %0, c12, c0, 0", image_address(vireo_vectors));
    asm volatile("isb");
    vireo_set_exception_stacks(image_address(vireo_exception_stack_end));
    set_stack_bounds(image_address(vireo_stack_start), image_address(vireo_stack_end));
}

void install_vectors() { vireo_install_vectors(); }

} // namespace vireo::arch
