// SPDX-License-Identifier: Apache-2.0
#include "shell/line/escape_sequence.h"

namespace vireo::shell {

namespace {

// ECMA-48 8.3: what begins a sequence, as one byte; 0x40 less is the letter behind Escape.
constexpr u8 single_shift_3 = 0x8f;
constexpr u8 control_sequence = 0x9b;
constexpr u8 string_terminator = 0x9c;
constexpr u8 string_starts[] = {0x90, 0x98, 0x9d, 0x9e, 0x9f}; // DCS, SOS, OSC, PM, APC

constexpr u8 bell = 0x07; // ends a string as xterm writes them
constexpr u8 cancel = 0x18;
constexpr u8 substitute = 0x1a;
constexpr u8 utf_8_start = 0xc2; // of the characters 0x80 to 0xbf

bool starts_string(u8 byte) {
    return std::ranges::find(string_starts, byte) != std::ranges::end(string_starts);
}

// How many bytes follow this one in its character.
u8 bytes_behind(u8 lead) { return lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0; }

} // namespace

bool EscapeSequence::is_8_bit_start(u8 byte) {
    return byte == single_shift_3 || byte == control_sequence || starts_string(byte);
}

void EscapeSequence::open(State state) {
    state_ = state;
    first_ = last_ = 0;
    is_first_ = is_bare_ = is_plain_ = true;
    is_after_utf_8_start_ = false;
    bytes_left_ = 0;
}

void EscapeSequence::begin(u8 byte, bool is_in_utf_8) {
    start_bytes_ = 0;
    if (byte == escape_byte)
        return open(State::Escape);
    if (is_in_utf_8)
        start_[start_bytes_++] = static_cast<char>(utf_8_start);
    start_[start_bytes_++] = static_cast<char>(byte);
    open(byte == control_sequence ? State::Control : byte == single_shift_3 ? State::Single : State::Text);
}

EscapeSequence::Outcome EscapeSequence::end(Outcome outcome) {
    state_ = State::None;
    return outcome;
}

std::string_view EscapeSequence::give_up() {
    state_ = State::None;
    return {start_, std::exchange(start_bytes_, u8{0})};
}

EscapeSequence::Outcome EscapeSequence::take(u8 byte) {
    Outcome outcome = Outcome::Open;
    switch (state_) {
    case State::None:
        return Outcome::NotMine;
    case State::Escape:
        outcome = after_escape(byte);
        break;
    case State::Control:
    case State::Single:
        outcome = control(byte);
        break;
    case State::Skip:
        if (byte < ' ')
            outcome = Outcome::NotMine;
        else if (--bytes_left_ == 0)
            outcome = end(Outcome::Ignored);
        break;
    case State::Text:
        outcome = text(byte);
        break;
    case State::TextEscape:
        // Escape ends a string, with the backslash or without.
        if (byte == string_terminator - 0x40)
            return end(Outcome::Ignored);
        open(State::Escape);
        return take(byte);
    }
    if (outcome != Outcome::NotMine)
        start_bytes_ = 0;
    return outcome;
}

EscapeSequence::Outcome EscapeSequence::after_escape(u8 byte) {
    u8 start = static_cast<u8>(byte + 0x40);
    if (byte == escape_byte)
        return Outcome::Open;
    if (byte >= 0x80 || !is_8_bit_start(start))
        return Outcome::NotMine; // a lone Escape means nothing
    begin(start);
    return Outcome::Open;
}

// Parameters and what stands between them and the final byte: ECMA-48 5.4.
EscapeSequence::Outcome EscapeSequence::control(u8 byte) {
    if (byte < ' ' || byte > 0x7e)
        return Outcome::NotMine; // not a sequence after all
    bool is_bare = std::exchange(is_bare_, false);
    if (byte < 0x40) {
        parameter(byte);
        return Outcome::Open;
    }
    bool is_linux_function_key = byte == '[';
    bool is_mouse = byte == 'M'; // a button and a place, each one byte
    if (state_ == State::Control && is_bare && (is_linux_function_key || is_mouse)) {
        state_ = State::Skip;
        bytes_left_ = is_mouse ? 3 : 1;
        return Outcome::Open;
    }
    final_ = byte;
    return end(is_plain_ ? Outcome::Key : Outcome::Ignored);
}

// Numbers, separated by semicolons; the first and the last one are kept.
void EscapeSequence::parameter(u8 byte) {
    if (byte == ';') {
        is_first_ = false;
        last_ = 0;
    } else if (byte >= '0' && byte <= '9') {
        if (last_ < 1000)
            last_ = static_cast<u16>(last_ * 10 + (byte - '0'));
        if (is_first_)
            first_ = last_;
    } else {
        is_plain_ = false;
    }
}

// The text of a string is of no use here. In it 0x9c ends the string, unless it belongs to a character.
EscapeSequence::Outcome EscapeSequence::text(u8 byte) {
    if (byte == escape_byte) {
        state_ = State::TextEscape;
        return Outcome::Open;
    }
    if (byte == bell || byte == cancel || byte == substitute)
        return end(Outcome::Ignored);
    if (byte < ' ')
        return Outcome::NotMine;
    bool is_in_character = byte >= 0x80 && byte < 0xc0 && bytes_left_ > 0;
    if (byte == string_terminator && (!is_in_character || is_after_utf_8_start_))
        return end(Outcome::Ignored);
    is_after_utf_8_start_ = byte == utf_8_start;
    bytes_left_ = is_in_character ? static_cast<u8>(bytes_left_ - 1) : bytes_behind(byte);
    return Outcome::Open;
}

} // namespace vireo::shell
