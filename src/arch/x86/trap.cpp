// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/trap.h"

#include "arch/common/exception_report.h"
#include "arch/common/image.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/layout.h"

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

constexpr uptr page_fault = 14;

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

// What kind of access it was: Intel's manual, volume 3A, 4.7. The bit for a fetch needs page protection that is off here.
std::string_view page_fault_cause(const TrapFrame& frame, uptr address) {
    constexpr uptr write = 2;
    uptr guard = image_address(vireo_guard);
    if (address >= guard && address < image_address(vireo_stack_start))
        return "out of stack: page fault";
    if (address == frame.ip)
        return "page fault on an instruction fetch";
    return frame.error & write ? "page fault on a write" : "page fault on a read";
}

std::string_view cause_of(const TrapFrame& frame) {
    const char* cause = causes[frame.vector];
    return cause ? cause : "reserved exception";
}

[[noreturn]] void report(const TrapFrame& frame) {
    const RegisterValue registers[] = {
#ifdef __x86_64__
        {"rip", frame.ip},  {"rsp", frame.sp},  {"rflags", frame.flags}, {"rax", frame.ax},
        {"rbx", frame.bx},  {"rcx", frame.cx},  {"rdx", frame.dx},       {"rsi", frame.si},
        {"rdi", frame.di},  {"rbp", frame.bp},  {"r8", frame.r8},        {"r9", frame.r9},
        {"r10", frame.r10}, {"r11", frame.r11}, {"r12", frame.r12},      {"r13", frame.r13},
        {"r14", frame.r14}, {"r15", frame.r15}, {"error", frame.error},
#else
        {"eip", frame.ip},       {"esp", frame.stack_pointer()},
        {"eflags", frame.flags}, {"error", frame.error},
        {"eax", frame.ax},       {"ebx", frame.bx},
        {"ecx", frame.cx},       {"edx", frame.dx},
        {"esi", frame.si},       {"edi", frame.di},
        {"ebp", frame.bp},
#endif
    };
    std::string_view cause = cause_of(frame);
    std::optional<uptr> address;
    if (frame.vector == page_fault) {
        address = fault_address();
        cause = page_fault_cause(frame, *address);
    }
    report_exception({.cause = cause,
                      .address = address,
                      .program_counter = frame.ip,
                      .stack_pointer = frame.stack_pointer(),
                      .registers = registers});
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

// What lgdt and lidt load, limit and base without a gap. With padding in front, so that the base is an aligned word: the
// compiler may turn one into a constant, and RELR relocates aligned words only.
struct TablePointer {
    u16 padding[sizeof(uptr) / 2 - 1] = {};
    u16 limit;
    uptr base;
    TablePointer(const void* table, usize bytes)
        : limit(static_cast<u16>(bytes - 1)), base(reinterpret_cast<uptr>(table)) {}
};
static_assert(offsetof(TablePointer, base) == offsetof(TablePointer, limit) + 2);

constinit Gate gates[VIREO_VECTORS];

#ifdef __x86_64__
// The task state segment, only for the stack that it names: an exception gets one of its own, so that running out of the
// usual stack is reported as well.
struct [[gnu::packed]] TaskState {
    u32 reserved0 = 0;
    u64 privilege_stacks[3] = {};
    u64 reserved1 = 0;
    u64 interrupt_stacks[7] = {};
    u64 reserved2 = 0;
    u16 reserved3 = 0;
    u16 permission_map = sizeof(TaskState); // beyond the limit: there is none
};
static_assert(sizeof(TaskState) == 104);
constexpr u8 exception_stack_number = 1;

constinit TaskState task_state;
alignas(16) constinit std::byte exception_stack[8192];
// The reset code's descriptors again, and the task state's, which takes two and which the processor marks busy: in RAM.
constinit u64 descriptors[] = {0, 0x00af'9b00'0000'ffff, 0x00cf'9300'0000'ffff, 0, 0};
constexpr u16 task_selector = 0x18;

void start_exception_stack() {
    task_state.interrupt_stacks[exception_stack_number - 1] =
        reinterpret_cast<uptr>(exception_stack + sizeof(exception_stack));
    u64 base = reinterpret_cast<uptr>(&task_state);
    constexpr u64 available_task_state = u64{0x89} << 40;
    descriptors[3] = (base & 0xff00'0000) << 32 | available_task_state | (base & 0xff'ffff) << 16 |
                     (sizeof(TaskState) - 1);
    descriptors[4] = base >> 32;
    TablePointer pointer(descriptors, sizeof(descriptors));
    asm volatile("lgdt %0; ltr %w1" : : "m"(pointer.limit), "r"(task_selector), "m"(pointer) : "memory");
}
#endif

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
#ifdef __x86_64__
    start_exception_stack();
#endif
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
    TablePointer pointer(gates, sizeof(gates));
    asm volatile("lidt %0" : : "m"(pointer.limit), "m"(pointer) : "memory");
}

// From vectors.S, with interrupts off.
extern "C" [[gnu::used]] void vireo_trap(const TrapFrame* frame) {
    if (frame->vector < VIREO_FIRST_INTERRUPT)
        report(*frame);
    // An interrupt only ends a hlt; whoever slept looks for what happened.
    acknowledge_interrupt(static_cast<u8>(frame->vector - VIREO_FIRST_INTERRUPT));
}

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
