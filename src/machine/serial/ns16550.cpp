// SPDX-License-Identifier: Apache-2.0
#include "machine/serial/ns16550.h"

#include "event/clock.h"
#include "io/burst.h"

namespace vireo::machine {
namespace {

// The registers by offset; the first two are the divisor while LineControl has `divisor_access`.
using Data = io::Register<u8, 0>;
using InterruptEnable = io::Register<u8, 1>;
using DivisorLow = io::Register<u8, 0>;
using DivisorHigh = io::Register<u8, 1>;
using FifoControl = io::Register<u8, 2>;
using LineControl = io::Register<u8, 3>;
using ModemControl = io::Register<u8, 4>;
using LineStatus = io::Register<u8, 5>;

constexpr u8 divisor_access = 0x80;
constexpr u8 eight_bits = 0x03;
constexpr u8 fifos_on_and_cleared = 0x07; // receive interrupt from the first byte on
// Data terminal ready, request to send, and OUT2, which on a PC connects the interrupt line.
constexpr u8 ready = 0x0b;
constexpr u8 received_data_interrupt = 0x01;
constexpr u8 data_ready = 0x01;
constexpr u8 transmitter_empty = 0x20;
constexpr u8 all_sent = 0x40; // nor is a byte on its way
constexpr u8 nobody = 0xff;   // a machine without this port (QEMU: `-serial none`): not endless input

constexpr usize fifo_bytes = 16;
// Far longer than a script takes to answer a prompt, even on a busy host: the switch must not
// fall where it types.
constexpr auto quiet_time = event::Duration::seconds(1);

} // namespace

void Ns16550::start(const io::Window& registers) {
    registers_ = registers.uncounted();
    InterruptEnable::write(registers_, 0);
    LineControl::write(registers_, divisor_access);
    DivisorLow::write(registers_, 1);
    DivisorHigh::write(registers_, 0);
    LineControl::write(registers_, eight_bits);
    ModemControl::write(registers_, ready);
}

void Ns16550::send(std::string_view bytes, Waiter* waiter) {
    room_.send(bytes, waiter, [this](std::string_view part) -> usize {
        if ((LineStatus::read(registers_) & transmitter_empty) == 0)
            return 0;
        // An empty transmitter takes a FIFO full without being asked again.
        part = part.substr(0, fifos_on_ ? fifo_bytes : 1);
        io::write_burst(registers_, Data::offset, part);
        return part.size();
    });
}

std::optional<u8> Ns16550::receive() {
    u8 status = LineStatus::read(registers_);
    if (status == nobody)
        return std::nullopt;
    if ((status & data_ready) != 0) {
        quiet_.reset();
        return Data::read(registers_);
    }
    return fifos_on_ ? std::nullopt : start_fifos_when_quiet(status);
}

std::optional<u8> Ns16550::start_fifos_when_quiet(u8 status) {
    if (!quiet_)
        quiet_ = event::Deadline::after(quiet_time);
    // The switch empties the transmitter: a byte that nobody has taken yet would be gone, and nobody told.
    if (!quiet_->has_passed() || (status & all_sent) == 0)
        return std::nullopt;
    FifoControl::write(registers_, fifos_on_and_cleared);
    fifos_on_ = true;
    // Had a byte come just before, QEMU would offer no further one until its place is read. What has come
    // since is not lost: an empty FIFO reads as 0.
    u8 byte = Data::read(registers_);
    return byte != 0 ? std::optional(byte) : std::nullopt;
}

void Ns16550::announce_input(bool on) const {
    InterruptEnable::write(registers_, on ? received_data_interrupt : 0);
}

} // namespace vireo::machine
