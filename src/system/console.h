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

// Text on its way to a port. Lines end "\n" inside Vireo and CR LF on the wire. What is written in pieces goes out in one
// burst, so that the port is asked for room once a FIFO and not once a piece: when a piece ends its line, when the burst is
// full, or with flush().
class TerminalWriter : public Writer {
  public:
    explicit TerminalWriter(SerialPort& port) : port_(port) {}

    void write(std::string_view text) override;
    void flush();
    // While on, what is written is dropped.
    void set_quiet(bool on) { is_quiet_ = on; }

  protected:
    SerialPort& port_;

  private:
    void put(char byte);
    char burst_[128];
    usize burst_bytes_ = 0;
    bool is_quiet_ = false;
};

// What the user types at and reads from. Whoever waits polls, and polling flushes: nothing that was written stays behind
// while Vireo waits for something.
class Console final : public TerminalWriter {
  public:
    static constexpr usize type_ahead_bytes = 65536;

    explicit Console(SerialPort& port) : TerminalWriter(port) {}

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
    u8 type_ahead_[type_ahead_bytes];
    usize head_ = 0;
    usize count_ = 0;
    bool watching_ = false;
    bool interrupted_ = false;
    bool last_was_cr_ = false;
};

} // namespace vireo::system
