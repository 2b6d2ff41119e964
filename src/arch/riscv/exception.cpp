// SPDX-License-Identifier: Apache-2.0
#include "arch/common/attempt.h"
#include "arch/common/exception_report.h"
#include "arch/common/image.h"
#include "arch/common/start.h"
#include "arch/riscv/registers.h"

extern "C" {
[[gnu::visibility("hidden")]] extern const char vireo_machine_vector[];
[[gnu::visibility("hidden")]] extern const char vireo_supervisor_vector[];
}

namespace vireo::arch {

namespace {

// Causes of exceptions (mcause or scause without the interrupt bit), Privileged Architecture 3.1.15.
// None that fits: empty.
constexpr std::string_view causes[] = {"misaligned program counter",
                                       "instruction access fault",
                                       "undefined instruction",
                                       "breakpoint instruction",
                                       "misaligned load",
                                       "load access fault",
                                       "misaligned store",
                                       "store access fault",
                                       "unexpected ecall",
                                       "unexpected ecall",
                                       "",
                                       "unexpected ecall",
                                       "instruction page fault",
                                       "load page fault",
                                       "",
                                       "store page fault"};

// mtval and stval hold an address for these.
bool has_address(uptr cause) {
    return cause != 2 && cause != 3 && cause < 16 && !(cause >= 8 && cause <= 11);
}

constexpr const char* names[] = {"pc",  "ra", "sp", "gp", "tp", "t0",    "t1",   "t2",    "s0",
                                 "s1",  "a0", "a1", "a2", "a3", "a4",    "a5",   "a6",    "a7",
                                 "s2",  "s3", "s4", "s5", "s6", "s7",    "s8",   "s9",    "s10",
                                 "s11", "t3", "t4", "t5", "t6", "cause", "tval", "status"};

// Machine mode: loads and stores go by the page tables, as those of supervisor mode do. An exception ends
// that, for the handler: it leaves "machine mode" where this says "supervisor mode" (mstatus.MPP).
void translate_data() {
    constexpr uptr previous_mode = 3 << 11;
    constexpr uptr supervisor_and_modify_privilege = 1 << 11 | 1 << 17;
    // Together: between the two no access may happen.
    asm volatile("csrc mstatus, %0\n csrs mstatus, %1"
                 :
                 : "r"(previous_mode), "r"(supervisor_and_modify_privilege)
                 : "memory");
}

constinit bool data_is_translated = false;

} // namespace

namespace riscv {
void start_translating_data() {
    data_is_translated = true;
    translate_data();
}
} // namespace riscv

// `frame` holds x1 to x31 at their numbers. Returns if the access may fail.
extern "C" [[gnu::used]] void vireo_exception(const uptr* frame) {
    constexpr uptr interrupt = uptr{1} << (sizeof(uptr) * 8 - 1);
    uptr cause = VIREO_READ_MODE_CSR(cause);
    uptr value = VIREO_READ_MODE_CSR(tval);
    uptr pc = VIREO_READ_MODE_CSR(epc);
    uptr sp = frame[2];
    if (is_attempt(pc)) {
        if (data_is_translated)
            translate_data();
        return;
    }

    std::string_view text = "exception";
    if ((cause & interrupt) != 0)
        text = "unexpected interrupt";
    else if (cause < std::size(causes) && !causes[cause].empty())
        text = causes[cause];
    StringBuffer<96> words;
    words.write(text);
    if (has_address(cause) && value >= image_address(vireo_guard) && value < image_address(vireo_stack_start))
        words.write(" (stack overflow)");

    RegisterValue values[std::size(names)];
    for (usize i = 0; i < 32; ++i)
        values[i] = {names[i], frame[i]};
    values[0].value = pc;
    values[32] = {names[32], cause};
    values[33] = {names[33], value};
    values[34] = {names[34], VIREO_READ_MODE_CSR(status)};

    report_exception({.cause = words.view(),
                      .address = has_address(cause) ? std::optional<uptr>(value) : std::nullopt,
                      .program_counter = pc,
                      .link_register = frame[1],
                      .stack_pointer = sp,
                      .registers = values});
}

bool follows_call(uptr address) {
    if (address % 2 != 0)
        return false;
    auto halves = reinterpret_cast<const u16*>(address);
    u32 before = halves[-2] | u32{halves[-1]} << 16;
    if ((before & 0xfff) == 0x0ef || (before & 0x7fff) == 0x00e7) // jal ra, jalr ra
        return true;
    if ((halves[-1] & 0xf07f) == 0x9002 && (halves[-1] & 0xf80) != 0) // c.jalr
        return true;
    return sizeof(uptr) == 4 && (halves[-1] & 0xe003) == 0x2001; // c.jal
}

extern "C" [[gnu::used]] void vireo_install_vectors() {
    const char* vector = riscv::is_supervisor() ? vireo_supervisor_vector : vireo_machine_vector;
    VIREO_WRITE_MODE_CSR(tvec, image_address(vector));
    VIREO_WRITE_MODE_CSR(scratch, image_address(vireo_exception_stack_end));
    set_stack_bounds(image_address(vireo_stack_start), image_address(vireo_stack_end));
}

void install_vectors() { vireo_install_vectors(); }

} // namespace vireo::arch
