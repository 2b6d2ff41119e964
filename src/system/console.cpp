// SPDX-License-Identifier: Apache-2.0
#include "system/console.h"

namespace vireo::system {

static constexpr u8 ctrl_c = 0x03;

void TerminalWriter::write(std::string_view text) {
    if (is_quiet_)
        return;
    for (char byte : text) {
        if (byte == '\n')
            put('\r');
        put(byte);
    }
    if (text.ends_with('\n'))
        flush();
}

void TerminalWriter::put(char byte) {
    burst_[burst_bytes_++] = byte;
    if (burst_bytes_ == sizeof(burst_))
        flush();
}

void TerminalWriter::flush() {
    if (usize bytes = std::exchange(burst_bytes_, 0); bytes > 0)
        port_.send({burst_, bytes}, waiter_);
}

void Console::poll() {
    flush();
    take_input(watching_);
}

bool Console::gives_up() {
    take_input(watching_);
    return is_interrupted_;
}

// No more at once than the buffer holds: a sender that never stops does not stop who looks.
void Console::take_input(bool reads_on) {
    reads_on = reads_on && port_.may_interrupt();
    for (usize taken = 0; taken < type_ahead_bytes && (reads_on || count_ < type_ahead_bytes); ++taken) {
        auto byte = port_.receive();
        if (!byte)
            return;
        take(*byte);
    }
}

void Console::take(u8 byte) {
    // CR, LF and CR LF are one line end each.
    bool ends_cr_lf = byte == '\n' && last_was_cr_;
    last_was_cr_ = byte == '\r';
    if (ends_cr_lf)
        return;
    if (byte == ctrl_c) {
        is_dropping_ = is_cutting_line_ = false;
        if (watching_) {
            count_ = 0;
            interrupt();
            return;
        }
    }
    keep(byte == '\r' ? '\n' : byte);
}

// Half a line may mean anything: one that does not fit is dropped from its start to its end, and so is all that follows.
void Console::keep(u8 byte) {
    if (count_ == type_ahead_bytes && !is_dropping_) {
        is_dropping_ = true;
        for (; count_ > 0 && kept(count_ - 1) != '\n'; --count_)
            ++dropped_;
    }
    if (is_dropping_ || is_cutting_line_) {
        ++dropped_;
        is_cutting_line_ = byte != '\n';
        return;
    }
    kept_interrupts_ += byte == ctrl_c ? 1 : 0;
    kept(count_++) = byte;
}

std::optional<u8> Console::read() {
    is_dropping_ = false;
    if (count_ == 0)
        poll();
    if (count_ == 0)
        return std::nullopt;
    u8 byte = kept(0);
    head_ = (head_ + 1) % type_ahead_bytes;
    --count_;
    kept_interrupts_ -= byte == ctrl_c ? 1 : 0;
    return byte;
}

void Console::interrupt() { is_interrupted_ = interrupt_is_news_ = true; }

void Console::watch_interrupt(bool on) {
    if (on && !watching_) {
        is_interrupted_ = false;
        glance();
        // A Ctrl-C that arrived in one burst with the command's own line is meant for that command, and so is one behind
        // other lines that have not run yet.
        while (kept_interrupts_ > 0)
            if (*read() == ctrl_c)
                interrupt();
    }
    watching_ = on;
    is_interrupted_ = is_interrupted_ && on;
    is_dropping_ = is_dropping_ && on;
}

} // namespace vireo::system
