// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/interrupts.h"

#include "arch/arch.h"
#include "arch/x86/layout.h"
#include "arch/x86/pit.h"
#include "arch/x86/ports.h"
#include "arch/x86/trap.h"

namespace vireo::arch {
namespace x86 {
namespace {

// The pair of 8259 interrupt controllers; the second one hangs on line 2 of the first.
constexpr u16 first_command = 0x20;
constexpr u16 first_data = 0x21;
constexpr u16 second_command = 0xa0;
constexpr u16 second_data = 0xa1;
constexpr u8 end_of_interrupt = 0x20;
constexpr u8 timer_line = 0;
constexpr u8 cascade_line = 2;

// The local APIC's virtual wire: the 8259's output reaches the processor through its pin LINT0. QEMU's reset state is
// that already, hardware's need not be. x2APIC mode is never on here.
constexpr uptr local_apic = 0xfee0'0000;
constexpr uptr spurious_vector_register = local_apic + 0xf0;
constexpr uptr lint0_register = local_apic + 0x350;
// Its own spurious vector looks like a spurious line 15.
constexpr u32 apic_enabled = 0x100 | (VIREO_FIRST_INTERRUPT + 15);
constexpr u32 external_interrupt = 0x700;

constinit WakeSource wake_source;

void connect_local_apic() {
    *reinterpret_cast<volatile u32*>(spurious_vector_register) = apic_enabled;
    *reinterpret_cast<volatile u32*>(lint0_register) = external_interrupt;
}

void announce(bool on) {
    if (wake_source.announce)
        wake_source.announce(on);
}

} // namespace

void start_interrupts(const WakeSource& source) {
    wake_source = source;
    // Initialisation command words 1 to 4: edge triggered with a partner, first vector, how they are wired, 8086 mode.
    out8(first_command, 0x11);
    out8(second_command, 0x11);
    out8(first_data, VIREO_FIRST_INTERRUPT);
    out8(second_data, VIREO_FIRST_INTERRUPT + 8);
    out8(first_data, 1 << cascade_line);
    out8(second_data, cascade_line);
    out8(first_data, 0x01);
    out8(second_data, 0x01);
    u32 unmasked = 1u << timer_line | 1u << cascade_line;
    if (source.announce)
        unmasked |= 1u << source.line;
    out8(first_data, static_cast<u8>(~unmasked));
    out8(second_data, static_cast<u8>(~unmasked >> 8));
    connect_local_apic();
}

// A request that went away before the processor asked shows as line 7 or 15 with nothing in service; ending nothing does
// no harm, so it needs no case of its own.
void acknowledge_interrupt(u8 line) {
    if (line >= 8)
        out8(second_command, end_of_interrupt);
    out8(first_command, end_of_interrupt);
}

} // namespace x86

void idle_until(u64 deadline) {
    // Too short to be worth programming the timer.
    constexpr u64 least_counts = 24;
    u64 now = ticks();
    if (now >= deadline)
        return;
    // 0xffff counts are 55 ms: returning early is allowed, and so the product cannot overflow.
    u64 rate = ticks_per_second();
    u64 left = deadline - now;
    u64 counts = left >= rate / 16 ? x86::pit::most_counts
                                   : std::min<u64>(left * x86::pit::hertz / rate, x86::pit::most_counts);
    if (counts < least_counts)
        return relax();

    x86::pit::start_channel0(static_cast<u32>(counts));
    x86::announce(true);
    // Interrupts are held up to the instruction after sti, so one that is pending already ends the hlt at once.
    asm volatile("sti; hlt; cli" ::: "memory");
    x86::announce(false);
}

} // namespace vireo::arch
