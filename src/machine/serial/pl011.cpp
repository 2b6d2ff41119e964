// SPDX-License-Identifier: Apache-2.0
#include "machine/serial/pl011.h"

namespace vireo::machine {
namespace {

using Data = io::Register<u32, 0x000>;
using Flags = io::Register<u32, 0x018>;
using BaudInteger = io::Register<u32, 0x024>;
using BaudFraction = io::Register<u32, 0x028>;
using LineControl = io::Register<u32, 0x02c>;
using Control = io::Register<u32, 0x030>;
using FifoLevels = io::Register<u32, 0x034>;
using InterruptMask = io::Register<u32, 0x038>;

constexpr u32 receive_empty = 1 << 4;
constexpr u32 transmit_empty = 1 << 7;
constexpr u32 eight_bits_with_fifos = 3 << 5 | 1 << 4;
constexpr u32 enabled_both_ways = 1 << 0 | 1 << 8 | 1 << 9;
// The FIFO has filled to its level, or holds something that nobody fetched for a while.
constexpr u32 receive_interrupts = 1 << 4 | 1 << 6;

constexpr usize fifo_bytes = 16; // or more, depending on the revision

} // namespace

void Pl011::start(const io::Window& registers) {
    registers_ = registers.uncounted();
    InterruptMask::write(registers_, 0);
    // 24 MHz / (16 * 115200) = 13 + 1/64. LineControl is written last: it takes the other two over. The FIFOs
    // are not flushed: what a user typed before the prompt stays.
    BaudInteger::write(registers_, 13);
    BaudFraction::write(registers_, 1);
    LineControl::write(registers_, eight_bits_with_fifos);
    FifoLevels::write(registers_, 0); // receive interrupt at one eighth
    Control::write(registers_, enabled_both_ways);
}

void Pl011::send(std::string_view bytes, Waiter* waiter) {
    room_.send(bytes, waiter, [this](std::string_view part) -> usize {
        if ((Flags::read(registers_) & transmit_empty) == 0)
            return 0;
        // An empty FIFO takes all that fits it without being asked again.
        part = part.substr(0, fifo_bytes);
        for (char byte : part)
            Data::write(registers_, static_cast<u8>(byte));
        return part.size();
    });
}

std::optional<u8> Pl011::receive() {
    if ((Flags::read(registers_) & receive_empty) != 0)
        return std::nullopt;
    return static_cast<u8>(Data::read(registers_)); // the upper bits tell of line errors
}

void Pl011::announce_input(bool on) const { InterruptMask::write(registers_, on ? receive_interrupts : 0); }

} // namespace vireo::machine
