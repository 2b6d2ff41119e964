// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/format.h"
#include "base/result.h"
#include "system/console_port.h"

namespace vireo::system {

// Text on its way to a port. Lines end "\n" inside Vireo and CR LF on the wire. What is written in pieces
// goes out in one burst, so that the port is asked for room once a FIFO and not once a piece: when a piece
// ends its line, when the burst is full, or with flush().
class TerminalWriter : public Writer {
  public:
    explicit TerminalWriter(ConsolePort& port) : port_(port) {}

    void write(std::string_view text) override;
    void flush();
    // While on, what is written is dropped.
    void set_quiet(bool on) { is_quiet_ = on; }
    bool is_quiet() const { return is_quiet_; }

  protected:
    // One burst goes out.
    virtual void send(std::string_view burst) { port_.send(burst, nullptr); }

  private:
    void put(char byte);
    ConsolePort& port_;
    char burst_[128];
    usize burst_bytes_ = 0;
    bool is_quiet_ = false;
};

// What the user types at and reads from: one or several ports, of which three lists say what each is for.
// Output goes to every port of its list, input comes from all of its list as it arrives; what is typed at two
// of them at once mixes. At the start there is the serial port, and it is all three lists. A list of which no
// port is usable stands for the serial port.
//
// Whoever waits polls, and polling flushes: nothing that was written stays behind while Vireo waits for
// something.
//
// Ctrl-C is seen before the type-ahead buffer: while a command runs, whoever waits reads the port on when the
// buffer is full, and what does not fit is dropped, in whole lines, and counted. While none runs, what does
// not fit stays at the sender.
class Console final : public TerminalWriter, private ConsolePort::Waiter {
  public:
    // So much is always kept. The buffer has room for the longest line more: one that does not fit
    // as a whole is given up.
    static constexpr usize kept_bytes = 65536;
    static constexpr usize type_ahead_bytes = kept_bytes + 4096;

    enum class Stream : u8 { Input, Output, Errors };
    static constexpr usize max_ports = 8;
    static constexpr std::string_view serial_name = "serial";

    explicit Console(ConsolePort& serial);

    // One more port, which nothing uses before it is chosen. The name has static storage and no comma, and is
    // not taken. TooLarge: there are max_ports.
    Result<> add(std::string_view name, ConsolePort& port);

    // What a stream uses from now on: names of ports with commas between them; a port that is named twice
    // counts once. NotFound: one of them is no port's, or there is none at all. The stream stays as it was
    // then.
    Result<> choose(Stream stream, std::string_view names);
    bool knows(std::string_view names) const { return find_ports(names).has_value(); }
    // "'serial', 'virtio'"
    void print_port_names(Writer& out) const;
    usize port_count() const { return ports_.size(); }

    // Where warnings and reports of crashes go: to the ports of Stream::Errors, and always to the serial port
    // too, because a report must not depend on the driver that it may be about. In order with the other
    // output.
    Writer& errors() { return errors_writer_; }

    // The next byte that the user typed, if any. Never waits.
    std::optional<u8> read();

    // Moves what has arrived into the type-ahead buffer (so a fast paste is not lost while a command runs)
    // and notices Ctrl-C. Called from every wait.
    void poll();
    // The same between two commands: takes no more than fits, so that a paste of commands that do not wait is
    // held up at the sender and not dropped, however long it is.
    void glance() { take_input(false); }

    // True once after Ctrl-C was typed while `watch_interrupt` was on; what was typed before it is discarded,
    // what was typed after it is kept. Reading the flag clears it.
    bool take_interrupt() { return std::exchange(interrupt_is_news_, false); }

    // While on, Ctrl-C (0x03) sets the interrupt flag instead of being input, and output is not waited for
    // any more once it was typed. On while a command runs.
    void watch_interrupt(bool on);

    // How many bytes of input did not fit since this was last asked, and whether the line that was dropped
    // last has not ended yet: what comes of it is dropped too, until end_cut_line().
    u64 take_dropped() { return std::exchange(dropped_, 0); }
    u64 dropped() const { return dropped_; }
    bool is_cutting_line() const { return is_cutting_line_; }
    void end_cut_line() { is_cutting_line_ = false; }

  private:
    struct Port {
        std::string_view name;
        ConsolePort* port;
        bool last_was_cr = false; // CR and LF of one line end come through one port
    };
    // A list of ports: bit i is ports_[i].
    using PortSet = u32;
    static constexpr PortSet serial_only = 1;

    class ErrorWriter final : public Writer {
      public:
        explicit ErrorWriter(Console& console) : console_(console) {}
        void write(std::string_view text) override { console_.write_error(text); }

      private:
        Console& console_;
    };

    std::optional<PortSet> find_ports(std::string_view names) const;
    PortSet usable_ports(PortSet list) const;
    void send(std::string_view burst) override;
    void write_error(std::string_view text);
    bool gives_up() override;
    void take_input(bool reads_on);
    void take_from(Port& from, bool reads_on);
    void take(Port& from, u8 byte);
    void keep(u8 byte);
    void interrupt();
    u8& kept(usize index) { return type_ahead_[(head_ + index) % type_ahead_bytes]; }

    FixedVector<Port, max_ports> ports_; // the serial one first
    PortSet input_ = serial_only;
    PortSet output_ = serial_only;
    PortSet errors_ = serial_only;
    PortSet first_looked_at_ = serial_only;
    ErrorWriter errors_writer_{*this};

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
};

} // namespace vireo::system
