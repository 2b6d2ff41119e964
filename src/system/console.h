// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"

namespace vireo::system {

// The serial port as the machine implements it: bytes, no policy. '\n' goes out as it is.
class SerialPort {
  public:
    // Sends all bytes; waits for room with a bound (a port that never has room drops the rest).
    virtual void send(std::string_view bytes) = 0;
    // The next received byte, if there is one. Never waits.
    virtual std::optional<u8> receive() = 0;

  protected:
    ~SerialPort() = default;
};

// What the user types at and reads from. Lines end "\n" inside Vireo and CR LF on the wire.
class Console final : public Writer {
  public:
    static constexpr usize type_ahead_bytes = 8192;

    explicit Console(SerialPort& port) : port_(port) {}

    void write(std::string_view text) override;

    // The next byte that the user typed, if any. Never waits.
    std::optional<u8> read();

    // Moves what has arrived into the type-ahead buffer (so a fast paste is not lost while a command runs) and
    // notices Ctrl-C. Called from every wait. When the buffer is full the rest stays in the port.
    void poll();

    // True once after Ctrl-C was typed while `watch_interrupt` was on; what was typed before it is discarded,
    // what was typed after it is kept. Reading the flag clears it.
    bool take_interrupt();

    // While on, Ctrl-C (0x03) sets the interrupt flag instead of being input. On while a command runs.
    void watch_interrupt(bool on);

  private:
    SerialPort& port_;
    u8 type_ahead_[type_ahead_bytes];
    usize head_ = 0;
    usize count_ = 0;
    bool watching_ = false;
    bool interrupted_ = false;
    bool last_was_cr_ = false;
};

} // namespace vireo::system
