// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "machine/serial/transmit_room.h"
#include "system/console.h"

namespace vireo::machine {

// The console of the firmware below (riscv, supervisor mode), for a machine whose serial port only that
// firmware knows. A call for each burst where there is the debug console extension, for each byte on older
// firmware; it cannot announce input.
class SbiConsole final : public system::ConsolePort {
  public:
    constexpr SbiConsole() = default;

    void start();

    void send(std::string_view bytes, Waiter* waiter) override;
    std::optional<u8> receive() override;

  private:
    bool takes_bursts_ = false;
    TransmitRoom room_;
};

} // namespace vireo::machine
