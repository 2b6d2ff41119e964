// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"

namespace vireo::system {

// The serial port as the machine implements it: bytes, no policy. '\n' goes out as it is.
class SerialPort {
  public:
    // Who is asked again and again while send() waits for room, and may look about meanwhile.
    class Waiter {
      public:
        // True if what is being sent is not worth waiting for any more.
        virtual bool gives_up() = 0;

      protected:
        ~Waiter() = default;
    };

    // Sends all bytes; waits for room with a bound (a port that never has room drops the rest). `waiter` may be null.
    virtual void send(std::string_view bytes, Waiter* waiter) = 0;
    // The next received byte, if there is one. Never waits.
    virtual std::optional<u8> receive() = 0;
    // Whether somebody may type Ctrl-C behind what has come. False for a file, which waits whatever there is of it.
    virtual bool may_interrupt() const { return true; }

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
    bool is_quiet() const { return is_quiet_; }

  protected:
    SerialPort& port_;
    SerialPort::Waiter* waiter_ = nullptr;

  private:
    void put(char byte);
    char burst_[128];
    usize burst_bytes_ = 0;
    bool is_quiet_ = false;
};

// What the user types at and reads from. Whoever waits polls, and polling flushes: nothing that was written stays behind
// while Vireo waits for something.
//
// Ctrl-C is seen before the type-ahead buffer: while a command runs, whoever waits reads the port on when the buffer is full,
// and what does not fit is dropped, in whole lines, and counted. While none runs, what does not fit stays at the sender.
class Console final : public TerminalWriter, private SerialPort::Waiter {
  public:
    // So much is always kept. The buffer has room for the longest line more: one that does not fit as a whole is given up.
    static constexpr usize kept_bytes = 65536;
    static constexpr usize type_ahead_bytes = kept_bytes + 4096;

    explicit Console(SerialPort& port) : TerminalWriter(port) { waiter_ = this; }

    // The next byte that the user typed, if any. Never waits.
    std::optional<u8> read();

    // Moves what has arrived into the type-ahead buffer (so a fast paste is not lost while a command runs) and
    // notices Ctrl-C. Called from every wait.
    void poll();
    // The same between two commands: takes no more than fits, so that a paste of commands that do not wait is held up at
    // the sender and not dropped, however long it is.
    void glance() { take_input(false); }

    // True once after Ctrl-C was typed while `watch_interrupt` was on; what was typed before it is discarded,
    // what was typed after it is kept. Reading the flag clears it.
    bool take_interrupt() { return std::exchange(interrupt_is_news_, false); }

    // While on, Ctrl-C (0x03) sets the interrupt flag instead of being input, and output is not waited for any more once it
    // was typed. On while a command runs.
    void watch_interrupt(bool on);

    // How many bytes of input did not fit since this was last asked, and whether the line that was dropped last has not
    // ended yet: what comes of it is dropped too, until end_cut_line().
    u64 take_dropped() { return std::exchange(dropped_, 0); }
    u64 dropped() const { return dropped_; }
    bool is_cutting_line() const { return is_cutting_line_; }
    void end_cut_line() { is_cutting_line_ = false; }

  private:
    bool gives_up() override;
    void take_input(bool reads_on);
    void take(u8 byte);
    void keep(u8 byte);
    void interrupt();
    u8& kept(usize index) { return type_ahead_[(head_ + index) % type_ahead_bytes]; }

    u8 type_ahead_[type_ahead_bytes];
    usize head_ = 0;
    usize count_ = 0;
    usize kept_interrupts_ = 0; // how many of them are Ctrl-C
    u64 dropped_ = 0;
    bool is_dropping_ = false; // what comes, until something of the buffer was taken
    bool is_cutting_line_ = false;
    bool watching_ = false;
    bool is_interrupted_ = false; // since the watch began
    bool interrupt_is_news_ = false;
    bool last_was_cr_ = false;
};

} // namespace vireo::system
