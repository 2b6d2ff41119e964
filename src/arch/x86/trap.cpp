// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/trap.h"

#include "arch/common/attempt.h"
#include "arch/common/exception_report.h"
#include "arch/common/image.h"
#include "arch/x86/exception_stack.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/layout.h"
#include "arch/x86/processor.h"

// The entries of vectors.S, VIREO_VECTOR_BYTES each.
extern "C" [[gnu::visibility("hidden")]] const char vireo_vectors[];

namespace vireo::arch::x86 {
namespace {

// What vectors.S leaves on the stack, lowest address first.
struct TrapFrame {
#ifdef __x86_64__
    uptr r15, r14, r13, r12, r11, r10, r9, r8;
    uptr bp, di, si, dx, cx, bx, ax;
    uptr vector, error;
    uptr ip, cs, flags;
    uptr sp, ss; // in long mode always pushed
    uptr stack_pointer() const { return sp; }
#else
    uptr bp, di, si, dx, cx, bx, ax;
    uptr vector, error;
    uptr ip, cs, flags;
    // Without a change of privilege the processor pushes no stack pointer: it was right above this.
    uptr stack_pointer() const { return reinterpret_cast<uptr>(this + 1); }
#endif
};

constexpr uptr non_maskable_interrupt = 2;
constexpr uptr stack_segment_fault = 12;
constexpr uptr protection_fault = 13;
constexpr uptr page_fault = 14;
constexpr uptr misaligned_access = 17;
constexpr uptr machine_check = 18;

// What the address of an access can lead to. Anything else may happen to come while an access
// that may fail is made.
bool is_about_an_access(uptr vector) {
    return vector == page_fault || vector == protection_fault || vector == stack_segment_fault ||
           vector == misaligned_access;
}

constexpr const char* causes[VIREO_FIRST_INTERRUPT] = {"division error",
                                                       "debug trap",
                                                       "non-maskable interrupt",
                                                       "breakpoint",
                                                       "overflow",
                                                       "bound exceeded",
                                                       "undefined instruction",
                                                       "no floating point unit",
                                                       "double fault",
                                                       "coprocessor overrun",
                                                       "invalid task state",
                                                       "segment not present",
                                                       "stack segment fault",
                                                       "general protection fault",
                                                       "page fault",
                                                       "reserved exception",
                                                       "floating point error",
                                                       "misaligned access",
                                                       "machine check",
                                                       "vector floating point error",
                                                       "virtualisation exception",
                                                       "control protection fault"};

uptr fault_address() {
    uptr address;
    asm volatile("mov %%cr2, %0" : "=r"(address));
    return address;
}

bool is_in_guard(uptr address) {
    return address >= image_address(vireo_guard) && address < image_address(vireo_stack_start);
}

// What kind of access it was: Intel's manual, volume 3A, 4.7. The bit for a fetch is set only
// where NX is in use.
void describe_page_fault(Writer& out, const TrapFrame& frame, uptr address) {
    constexpr uptr protection = 1;
    constexpr uptr write = 2;
    print(out, "page fault on {}: {}{}",
          address == frame.ip   ? "an instruction fetch"
          : frame.error & write ? "a write"
                                : "a read",
          frame.error & protection ? "not permitted there" : "nothing is mapped there",
          is_in_guard(address) ? " (stack overflow)" : "");
}

std::string_view cause_of(const TrapFrame& frame) {
    const char* cause = causes[frame.vector];
    return cause ? cause : "reserved exception";
}

[[noreturn]] void report(const TrapFrame& frame, uptr stack_pointer) {
    const RegisterValue registers[] = {
#ifdef __x86_64__
        {"rip", frame.ip},  {"rsp", frame.sp},  {"rflags", frame.flags}, {"rax", frame.ax},
        {"rbx", frame.bx},  {"rcx", frame.cx},  {"rdx", frame.dx},       {"rsi", frame.si},
        {"rdi", frame.di},  {"rbp", frame.bp},  {"r8", frame.r8},        {"r9", frame.r9},
        {"r10", frame.r10}, {"r11", frame.r11}, {"r12", frame.r12},      {"r13", frame.r13},
        {"r14", frame.r14}, {"r15", frame.r15}, {"error", frame.error},
#else
        {"eip", frame.ip}, {"esp", stack_pointer}, {"eflags", frame.flags}, {"error", frame.error},
        {"eax", frame.ax}, {"ebx", frame.bx},      {"ecx", frame.cx},       {"edx", frame.dx},
        {"esi", frame.si}, {"edi", frame.di},      {"ebp", frame.bp},
#endif
    };
    StringBuffer<96> cause;
    std::optional<uptr> address;
    if (frame.vector == page_fault) {
        address = fault_address();
        describe_page_fault(cause, frame, *address);
    } else {
        cause.write(cause_of(frame));
    }
    report_exception(
        {.cause = cause.view(),
         .address = address,
         .program_counter = frame.ip,
         .stack_pointer = stack_pointer,
         .registers = registers,
         .is_external = frame.vector == non_maskable_interrupt || frame.vector == machine_check});
}

// Without this a machine check is a reset without a word.
void allow_machine_checks() {
    constexpr u32 known = 1 << 7; // in CPUID
    constexpr uptr allow = 1 << 6;
    if ((cpuid(1).edx & known) == 0)
        return;
    uptr cr4;
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    asm volatile("mov %0, %%cr4" : : "r"(cr4 | allow) : "memory");
}

// An interrupt gate: interrupts stay off in the handler. The upper half exists in long mode only.
struct Gate {
    u16 offset_low = 0;
    u16 selector = 0;
    u8 stack = 0; // of the interrupt stack table; 0: stay on this one
    u8 type = 0;
    u16 offset_middle = 0;
#ifdef __x86_64__
    u32 offset_high = 0;
    u32 reserved = 0;
#endif
};
static_assert(sizeof(Gate) == (sizeof(uptr) == 8 ? 16 : 8));
constexpr u8 interrupt_gate = 0x8e; // present, 32- or 64-bit

constinit Gate gates[VIREO_VECTORS];

bool byte_is(uptr address, u8 value) { return *reinterpret_cast<const u8*>(address) == value; }

// The second byte of `call` through a register or memory (ff /2), and how long the instruction is with it.
usize indirect_call_bytes(u8 modrm) {
    if ((modrm >> 3 & 7) != 2)
        return 0;
    u8 mode = modrm >> 6;
    u8 base = modrm & 7;
    usize index_byte = mode != 3 && base == 4 ? 1 : 0;
    if (mode == 3)
        return 2;
    if (mode == 0)
        return base == 5 ? 6 : 2 + index_byte;
    return (mode == 1 ? 3 : 6) + index_byte;
}

} // namespace

void start_exceptions() {
    start_exception_stack();
    for (usize i = 0; i < VIREO_VECTORS; ++i) {
        uptr entry = reinterpret_cast<uptr>(vireo_vectors) + i * VIREO_VECTOR_BYTES;
        Gate& gate = gates[i];
        gate.offset_low = static_cast<u16>(entry);
        gate.selector = VIREO_CODE_SELECTOR;
        gate.type = interrupt_gate;
        gate.offset_middle = static_cast<u16>(entry >> 16);
#ifdef __x86_64__
        gate.offset_high = static_cast<u32>(entry >> 32);
        gate.stack = i < VIREO_FIRST_INTERRUPT ? exception_stack_number : 0;
#endif
    }
#ifndef __x86_64__
    constexpr u8 task_gate = 0x85;
    gates[double_fault].selector = double_fault_selector;
    gates[double_fault].type = task_gate;
#endif
    TablePointer pointer(gates, sizeof(gates));
    asm volatile("lidt %0" : : "m"(pointer.limit), "m"(pointer) : "memory");
    allow_machine_checks();
}

// From vectors.S, with interrupts off.
extern "C" [[gnu::used]] void vireo_trap(TrapFrame* frame) {
    if (frame->vector < VIREO_FIRST_INTERRUPT) {
        if (!is_attempt(frame->ip) || !is_about_an_access(frame->vector))
            report(*frame, frame->stack_pointer());
        frame->ip = attempt_failed();
        return;
    }
    // An interrupt only ends a hlt; whoever slept looks for what happened.
    acknowledge_interrupt(static_cast<u8>(frame->vector - VIREO_FIRST_INTERRUPT));
}

#ifndef __x86_64__
// A task of its own (exception_stack.h). As a rule the page fault that could not be delivered
// is what is to be told.
extern "C" [[noreturn, gnu::used, gnu::visibility("hidden")]] void vireo_double_fault() {
    const FailedState& failed = failed_state();
    constexpr uptr write = 2;
    TrapFrame frame{.bp = failed.bp,
                    .di = failed.di,
                    .si = failed.si,
                    .dx = failed.dx,
                    .cx = failed.cx,
                    .bx = failed.bx,
                    .ax = failed.ax,
                    .vector = is_in_guard(fault_address()) ? page_fault : uptr{double_fault},
                    .error = write,
                    .ip = failed.ip,
                    .cs = VIREO_CODE_SELECTOR,
                    .flags = failed.flags};
    report(frame, failed.sp);
}
#endif

} // namespace vireo::arch::x86

namespace vireo::arch {

bool follows_call(uptr address) {
    if (x86::byte_is(address - 5, 0xe8))
        return true;
    for (usize bytes : {2, 3, 4, 6, 7})
        if (x86::byte_is(address - bytes, 0xff) &&
            x86::indirect_call_bytes(*reinterpret_cast<const u8*>(address - bytes + 1)) == bytes)
            return true;
    return false;
}

} // namespace vireo::arch
