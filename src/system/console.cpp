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
        port_.send({burst_, bytes});
}

void Console::poll() {
    flush();
    while (count_ < type_ahead_bytes) {
        auto byte = port_.receive();
        if (!byte)
            return;
        // CR, LF and CR LF are one line end each.
        bool ends_cr_lf = *byte == '\n' && last_was_cr_;
        last_was_cr_ = *byte == '\r';
        if (ends_cr_lf)
            continue;
        if (*byte == ctrl_c && watching_) {
            interrupted_ = true;
            count_ = 0;
            continue;
        }
        type_ahead_[(head_ + count_) % type_ahead_bytes] = *byte == '\r' ? '\n' : *byte;
        ++count_;
    }
}

std::optional<u8> Console::read() {
    if (count_ == 0)
        poll();
    if (count_ == 0)
        return std::nullopt;
    u8 byte = type_ahead_[head_];
    head_ = (head_ + 1) % type_ahead_bytes;
    --count_;
    return byte;
}

bool Console::take_interrupt() { return std::exchange(interrupted_, false); }

void Console::watch_interrupt(bool on) {
    if (on && !watching_) {
        // A Ctrl-C that arrived in one burst with the command's own line is meant for that command.
        for (usize i = count_; i-- > 0;) {
            if (type_ahead_[(head_ + i) % type_ahead_bytes] == ctrl_c) {
                interrupted_ = true;
                head_ = (head_ + i + 1) % type_ahead_bytes;
                count_ -= i + 1;
                break;
            }
        }
    }
    watching_ = on;
}

} // namespace vireo::system
