// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/interrupts.h"

#include "arch/arch.h"
#include "arch/x86/layout.h"
#include "arch/x86/local_apic.h"
#include "arch/x86/ports.h"

namespace vireo::arch {
namespace x86 {
namespace {

constexpr u8 timer_line = 0;
// What a request leaves that went away before the processor asked. Old processors want its
// lower four bits set.
constexpr u8 spurious_line = 15;
constexpr u32 apic_enabled = 1 << 8;

// The I/O APIC: an index and the register that it names. Interrupt lines of the old bus are its first 16
// inputs; each has an entry of two words, the upper of which names the processor.
constexpr uptr io_apic_index = 0xfec0'0000;
constexpr uptr io_apic_data = 0xfec0'0010;
constexpr u32 io_apic_version = 1;
constexpr u32 io_apic_entry(u8 line) { return 0x10 + 2 * u32{line}; }
constexpr u32 io_apic_masked = 1 << 16;

// Where a processor has no local APIC: the 8259, whose lines go to it directly, and channel 0
// of the 8254, on line 0.
constexpr u16 pic_command = 0x20;
constexpr u16 pic_data = 0x21;
constexpr u16 second_pic_command = 0xa0;
constexpr u16 second_pic_data = 0xa1;
constexpr u8 pic_initialise = 0x11; // edges; there is a second one
constexpr u16 pit_channel = 0x40;
constexpr u16 pit_command = 0x43;
constexpr u8 pit_count_once = 0x30; // both bytes, mode 0: one request, when it has counted down
constexpr u8 pit_tick = 0x36;       // both bytes, mode 3: as PC firmware leaves it
constexpr u8 pit_read_status = 0xe2;
constexpr u64 pit_hertz = 1'193'182;

constinit WakeSource wake_source;
constinit bool has_timer = false;
constinit bool has_apic = false;
constinit bool console_wakes = false;

u32 read_io_apic(u32 index) {
    *reinterpret_cast<volatile u32*>(io_apic_index) = index;
    return *reinterpret_cast<volatile u32*>(io_apic_data);
}
void write_io_apic(u32 index, u32 value) {
    *reinterpret_cast<volatile u32*>(io_apic_index) = index;
    *reinterpret_cast<volatile u32*>(io_apic_data) = value;
}

void start_pit(u16 counts, u8 mode = pit_count_once) {
    out8(pit_command, mode);
    out8(pit_channel, static_cast<u8>(counts));
    out8(pit_channel, static_cast<u8>(counts >> 8));
}

// False if one of the two is missing (microvm with `pic=off` or `pit=off`): nobody there reads as all ones.
bool start_old_chips(const WakeSource& source) {
    start_pit(0);
    out8(pit_command, pit_read_status);
    if ((in8(pit_channel) & 0x3f) != pit_count_once)
        return false;
    out8(pic_command, pic_initialise);
    out8(pic_data, VIREO_FIRST_INTERRUPT);
    out8(pic_data, 1 << 2); // the second one is on line 2;
    out8(pic_data, 0x03);   // an interrupt ends by itself
    u8 mask = static_cast<u8>(~(1 << timer_line | 1 << source.line));
    out8(pic_data, mask);
    console_wakes = source.announce && in8(pic_data) == mask;
    return console_wakes;
}

} // namespace

void start_interrupts(const WakeSource& source) {
    wake_source = source;
    has_apic = local_apic::is_there();
    has_timer = has_apic || start_old_chips(source);
    if (!has_apic)
        return;
    local_apic::write(local_apic::spurious_vector, apic_enabled | (VIREO_FIRST_INTERRUPT + spurious_line));
    // The 8259 and the 8254 behind it are as reset left them, which is ticking.
    local_apic::write(local_apic::pin0_entry, local_apic::masked);
    local_apic::write(local_apic::pin1_entry, local_apic::non_maskable);
    local_apic::write(local_apic::timer_divider, local_apic::divide_by_16);
    local_apic::write(local_apic::timer_entry, VIREO_FIRST_INTERRUPT + timer_line);
    u32 last_entry = read_io_apic(io_apic_version) >> 16 & 0xff;
    console_wakes = source.announce && last_entry < 0xf0 && source.line <= last_entry;
    if (console_wakes) {
        // On the rising edge, to this processor.
        write_io_apic(io_apic_entry(source.line) + 1, local_apic::read(local_apic::id));
        write_io_apic(io_apic_entry(source.line), VIREO_FIRST_INTERRUPT + u32{source.line});
    }
}

// As PC firmware leaves them, every line masked.
void leave_old_chips() {
    constexpr u8 ends_by_command = 0x01;
    out8(pic_command, pic_initialise);
    out8(second_pic_command, pic_initialise);
    out8(pic_data, 0x08);
    out8(second_pic_data, 0x70);
    out8(pic_data, 1 << 2);
    out8(second_pic_data, 2);
    out8(pic_data, ends_by_command);
    out8(second_pic_data, ends_by_command);
    out8(pic_data, 0xff & ~(1 << 2));
    out8(second_pic_data, 0xff);
    if (!has_apic && has_timer)
        start_pit(0, pit_tick);
}

void stop_interrupts() {
    if (has_apic) {
        local_apic::write(local_apic::timer_entry, local_apic::masked);
        local_apic::write(local_apic::timer_initial, 0);
    }
    if (has_apic && console_wakes)
        write_io_apic(io_apic_entry(wake_source.line), io_apic_masked);
    // What has been asked for already is taken, or it would wait for the operating system.
    asm volatile("sti; nop; cli" ::: "memory");
    if (has_apic && console_wakes)
        write_io_apic(io_apic_entry(wake_source.line) + 1, 0);
    leave_old_chips();
    if (has_apic) {
        local_apic::write(local_apic::timer_divider, 0);
        local_apic::write(local_apic::pin0_entry, local_apic::external);
        local_apic::write(local_apic::pin1_entry, local_apic::masked);
        local_apic::write(local_apic::spurious_vector, 0xff);
    }
    console_wakes = false;
    has_timer = false;
}

void acknowledge_interrupt(u8 line) {
    if (has_apic && line != spurious_line)
        local_apic::write(local_apic::end_of_interrupt, 0);
}

} // namespace x86

void idle_until(u64 deadline) {
    using namespace x86;
    u64 timer_hertz = has_apic ? local_apic::timer_hertz : pit_hertz;
    u64 now = ticks();
    if (now >= deadline)
        return;
    // Returning early is allowed. With a console that wakes, an interrupt that does not arrive costs a
    // moment; without one, it is looked at often enough for typing. And so the product cannot overflow.
    u64 rate = ticks_per_second();
    u64 left = std::min(deadline - now, rate / (console_wakes ? 4 : 200));
    u64 counts = left * timer_hertz / rate;
    // Too short to be worth programming the timer: 20 microseconds.
    if (counts < timer_hertz / 50'000 || !has_timer)
        return relax();

    if (has_apic)
        local_apic::start_timer(static_cast<u32>(counts));
    else
        start_pit(static_cast<u16>(std::min<u64>(counts, 0xffff))); // 55 ms
    if (console_wakes)
        wake_source.announce(true);
    // Interrupts are held up to the instruction after sti, so one that is pending already ends
    // the hlt at once.
    asm volatile("sti; hlt; cli" ::: "memory");
    if (console_wakes)
        wake_source.announce(false);
}

} // namespace vireo::arch
