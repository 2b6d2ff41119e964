// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/window.h"
#include "system/console.h"

namespace vireo::machine {

// A 16550-compatible UART with its registers one byte apart: COM1 of a PC (ports), the serial port of the RISC-V
// machines (memory). 115,200 baud (of a 1.8432 MHz clock; emulated ports ignore it), 8 bits, no parity, FIFOs on.
class Ns16550 final : public system::SerialPort {
  public:
    static constexpr u64 register_bytes = 8;

    constexpr Ns16550() = default;

    // Sets the port up. `registers` covers `register_bytes`. Interrupts stay off.
    void start(const io::Window& registers);

    void send(std::string_view bytes) override;
    std::optional<u8> receive() override;

    // Whether the port asks for an interrupt while it holds received bytes. Turning it on makes a new request for bytes
    // that are already there, so an edge-triggered interrupt controller misses nothing.
    void announce_input(bool on) const;

  private:
    bool wait_for_room();

    io::Window registers_;
    std::optional<u8> early_; // typed before `start`
    bool stuck_ = false;      // had no room for a whole deadline: do not wait again until it has
};

} // namespace vireo::machine
