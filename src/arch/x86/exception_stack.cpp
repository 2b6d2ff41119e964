// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/exception_stack.h"

#include "arch/x86/layout.h"
#include "arch/x86/trap.h"

#ifndef __x86_64__
extern "C" [[noreturn, gnu::visibility("hidden")]] void vireo_double_fault();
#endif

namespace vireo::arch::x86 {
namespace {

alignas(16) constinit std::byte exception_stack[8192];
uptr stack_end() { return reinterpret_cast<uptr>(exception_stack + sizeof(exception_stack)); }

constexpr u16 task_selector = 0x18;
constexpr u64 flat_data = 0x00cf'9300'0000'ffff;

// A descriptor of a task state that is not busy.
u64 task_descriptor(const void* state, usize bytes) {
    constexpr u64 available_task_state = u64{0x89} << 40;
    u64 base = reinterpret_cast<uptr>(state);
    return (base & 0xff00'0000) << 32 | available_task_state | (base & 0xff'ffff) << 16 | (bytes - 1);
}

#ifdef __x86_64__
// The task state segment, only for the stack that it names.
struct [[gnu::packed]] TaskState {
    u32 reserved0 = 0;
    u64 privilege_stacks[3] = {};
    u64 reserved1 = 0;
    u64 interrupt_stacks[7] = {};
    u64 reserved2 = 0;
    u16 reserved3 = 0;
    u16 permission_map = sizeof(TaskState); // beyond the limit: there is none
};

constinit TaskState task_state;
// The reset code's descriptors again, and the task state's, which takes two and which the
// processor marks busy: in RAM.
constinit u64 descriptors[] = {0, 0x00af'9b00'0000'ffff, flat_data, 0, 0};

void prepare() {
    task_state.interrupt_stacks[exception_stack_number - 1] = stack_end();
    descriptors[3] = task_descriptor(&task_state, sizeof(task_state));
    descriptors[4] = u64{reinterpret_cast<uptr>(&task_state)} >> 32;
}
#else
// Intel's manual, volume 3A, 7.2.1.
struct TaskState {
    u32 link = 0;
    u32 privilege_stacks[6] = {};
    u32 cr3 = VIREO_LEVEL3_TABLE; // where there is paging (paging.cpp)
    FailedState registers = {};
    u32 es = VIREO_DATA_SELECTOR, cs = VIREO_CODE_SELECTOR, ss = VIREO_DATA_SELECTOR;
    u32 ds = VIREO_DATA_SELECTOR, fs = VIREO_DATA_SELECTOR, gs = VIREO_DATA_SELECTOR;
    u32 local_table = 0;
    u16 trap = 0;
    u16 permission_map = sizeof(TaskState); // beyond the limit: there is none
};

constinit TaskState task_state; // of all code but the handler: the processor saves it here
constinit TaskState double_fault_task;
constinit u64 descriptors[] = {0, 0x00cf'9b00'0000'ffff, flat_data, 0, 0};

void prepare() {
    constexpr u32 always_one = 2;
    double_fault_task.registers.ip = reinterpret_cast<uptr>(&vireo_double_fault);
    double_fault_task.registers.flags = always_one;
    double_fault_task.registers.sp = stack_end() - sizeof(uptr); // as if called
    descriptors[3] = task_descriptor(&task_state, sizeof(task_state));
    descriptors[4] = task_descriptor(&double_fault_task, sizeof(double_fault_task));
}
#endif
static_assert(sizeof(TaskState) == 104);

} // namespace

#ifndef __x86_64__
const FailedState& failed_state() { return task_state.registers; }
#endif

void start_exception_stack() {
    prepare();
    TablePointer pointer(descriptors, sizeof(descriptors));
    asm volatile("lgdt %0; ltr %w1" : : "m"(pointer.limit), "r"(task_selector), "m"(pointer) : "memory");
}

} // namespace vireo::arch::x86
