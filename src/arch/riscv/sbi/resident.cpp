// SPDX-License-Identifier: Apache-2.0
#include "arch/riscv/sbi/hardware.h"
#include "arch/riscv/sbi/registers.h"
#include "arch/riscv/sbi/service.h"

// What stays of Vireo in machine mode when an operating system runs in supervisor mode: the harts' way there,
// and their traps. A program of its own, which sees nothing of the firmware that has put it in its place.
extern "C" {
#pragma GCC visibility push(hidden)
[[noreturn]] void vireo_sbi_stop(vireo::u32 index);
[[noreturn]] void vireo_sbi_enter(vireo::uptr hart, vireo::uptr argument, vireo::uptr start);
#pragma GCC visibility pop
}

namespace {

using namespace vireo;
using namespace vireo::arch::riscv::sbi;

// What entry.S saves: what a C++ function does not.
struct Frame {
    uptr ra, t[7], a[8];
};

// resident.ld puts it where Vireo writes it.
[[gnu::section(".description")]] constinit Description machine{};
constinit Hart harts[Description::max_harts]{};
constinit MachineMode hardware;

Harts<MachineMode> all_harts() { return {machine, harts, hardware}; }

// Bits of mstatus.
constexpr uptr supervisor_interrupts = 1 << 1;
constexpr uptr previous_supervisor_interrupts = 1 << 5;
constexpr uptr from_supervisor = 1 << 8;
constexpr unsigned previous_mode = 11;

void print(const char* text) {
    for (; *text != 0; ++text)
        hardware.send(machine.console, static_cast<u8>(*text));
}

// Ours alone can be the cause. Nothing is said of it to supervisor mode, which could not help.
[[noreturn]] void stop_for_good() {
    if (machine.console != 0) {
        print("\r\nVireo's SBI failed: ");
        for (uptr number : {VIREO_SBI_READ(mcause), VIREO_SBI_READ(mepc), VIREO_SBI_READ(mtval)}) {
            for (unsigned shift = sizeof(uptr) * 8; shift != 0; shift -= 4)
                hardware.send(machine.console,
                              static_cast<u8>("0123456789abcdef"[number >> (shift - 4) & 15]));
            print(" ");
        }
    }
    for (;;)
        hardware.wait();
}

// As the processor does for what is delegated (Privileged Architecture 3.1.6.1). Supervisor mode decides.
void pass_on(uptr cause, uptr pc, uptr status) {
    VIREO_SBI_WRITE(scause, cause);
    VIREO_SBI_WRITE(sepc, pc);
    VIREO_SBI_WRITE(stval, VIREO_SBI_READ(mtval));
    VIREO_SBI_WRITE(mepc, VIREO_SBI_READ(stvec) & ~uptr{3});
    uptr after = status & ~(from_supervisor | previous_supervisor_interrupts | supervisor_interrupts |
                            uptr{3} << previous_mode);
    if ((status >> previous_mode & 3) == 1)
        after |= from_supervisor;
    if ((status & supervisor_interrupts) != 0)
        after |= previous_supervisor_interrupts;
    VIREO_SBI_WRITE(mstatus, after | uptr{1} << previous_mode);
}

void serve(Frame& frame, u32 own, uptr pc, uptr status) {
    Call call{frame.a[7], frame.a[6], frame.a[0], frame.a[1], frame.a[2], frame.a[3], frame.a[4]};
    Reply reply = Service<MachineMode>(machine, harts, hardware, own).answer(call);
    if (reply.stops)
        vireo_sbi_stop(own);
    frame.a[0] = static_cast<uptr>(reply.code);
    constexpr uptr first_with_value = 0x10; // the calls of SBI 0.1 have none
    if (call.extension >= first_with_value)
        frame.a[1] = reply.value;
    VIREO_SBI_WRITE(mepc, pc + 4);
    VIREO_SBI_WRITE(mstatus, status);
}

[[noreturn]] void enter(u32 own, uptr start, uptr argument) {
    harts[own].has_timer_register = hardware.set_up(machine.harts[own]);
    vireo_sbi_enter(machine.harts[own].id, argument, start);
}

} // namespace

extern "C" {

// A trap of hart `own`. Returns to where mepc says.
void vireo_sbi_trap(Frame* frame, u32 own) {
    constexpr uptr interrupt = uptr{1} << (sizeof(uptr) * 8 - 1);
    uptr cause = VIREO_SBI_READ(mcause);
    if (cause == (interrupt | 3)) {
        hardware.clear_interrupt(machine.harts[own]);
        if (all_harts().take_requests(own))
            hardware.signal_supervisor();
        return;
    }
    if (cause == (interrupt | 7))
        return hardware.pass_timer_on();
    uptr status = VIREO_SBI_READ(mstatus);
    if ((status >> previous_mode & 3) == 3 || (cause & interrupt) != 0)
        stop_for_good();
    uptr pc = VIREO_SBI_READ(mepc);
    constexpr uptr call_from_supervisor = 9;
    if (cause == call_from_supervisor)
        serve(*frame, own, pc, status);
    else
        pass_on(cause, pc, status);
}

// Hart `own`, on its own stack, waits until another starts it.
[[noreturn]] void vireo_sbi_park(u32 own) {
    (void)hardware.set_up(machine.harts[own]);
    store(harts[own].state, HartState::Stopped);
    for (;;) {
        if (!hardware.is_interrupted()) {
            hardware.wait();
            continue;
        }
        hardware.clear_interrupt(machine.harts[own]);
        if (all_harts().take_start(own))
            enter(own, harts[own].start, harts[own].argument);
    }
}

// The first hart, after Vireo. What is not there yet when supervisor mode starts may come later.
[[noreturn]] void vireo_sbi_first(u32 own, uptr start, uptr argument) {
    for (u32 i = 0; i < machine.hart_count; ++i)
        harts[i].state = HartState::Absent;
    store(harts[own].state, HartState::Started);
    for (u32 i = 0; i < machine.hart_count; ++i)
        if (i != own && machine.harts[i].software_interrupt != 0)
            hardware.interrupt(machine.harts[i]);
    u32 begin = hardware.ticks(machine.counter);
    for (u32 i = 0; i < machine.hart_count; ++i)
        while (machine.harts[i].software_interrupt != 0 && load(harts[i].state) == HartState::Absent &&
               hardware.ticks(machine.counter) - begin < machine.patience)
            ;
    enter(own, start, argument);
}
}
