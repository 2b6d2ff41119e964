// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/window.h"
#include "machine/serial/transmit_room.h"
#include "system/console.h"

namespace vireo::machine {

// The Arm PrimeCell UART PL011 (Arm DDI 0183): 115,200 baud of QEMU's 24 MHz clock (emulated ports ignore
// it), 8 bits, no parity, FIFOs on.
class Pl011 final : public system::ConsolePort {
  public:
    static constexpr u64 register_bytes = 0x1000;

    constexpr Pl011() = default;

    // Sets the port up. `registers` covers `register_bytes`. Interrupts stay off.
    void start(const io::Window& registers);

    void send(std::string_view bytes, Waiter* waiter) override;
    std::optional<u8> receive() override;

    // Whether the port asks for an interrupt while it holds received bytes.
    void announce_input(bool on) const;

  private:
    io::Window registers_;
    TransmitRoom room_;
};

} // namespace vireo::machine
