// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"
#include "io/window.h"
#include "machine/serial/transmit_room.h"
#include "system/console.h"

namespace vireo::machine {

// A 16550-compatible UART with its registers one byte apart: COM1 of a PC (ports), the serial
// port of the RISC-V machines (memory). 115,200 baud (of a 1.8432 MHz clock; emulated ports
// ignore it), 8 bits, no parity.
//
// Switching the FIFOs on throws away what has just arrived, and a script that does not wait for the
// prompt sends its first line right at reset, another when it sees the prompt, so the FIFOs stay off
// until nothing has arrived for a second. Without them the sender is held up after each byte, which is
// slow and loses nothing.
class Ns16550 final : public system::ConsolePort {
  public:
    static constexpr u64 register_bytes = 8;

    constexpr Ns16550() = default;

    // Sets the port up. `registers` covers `register_bytes`. Interrupts stay off.
    void start(const io::Window& registers);

    void send(std::string_view bytes, Waiter* waiter) override;
    std::optional<u8> receive() override;

    // Whether the port asks for an interrupt while it holds received bytes. Turning it on makes a new request
    // for bytes that are already there, so an edge-triggered interrupt controller misses nothing.
    void announce_input(bool on) const;

  private:
    std::optional<u8> start_fifos_when_quiet(u8 status);

    io::Window registers_;
    std::optional<event::Deadline>
        quiet_; // when there has been no input for long enough; not set while there is some
    bool fifos_on_ = false;
    TransmitRoom room_;
};

} // namespace vireo::machine
