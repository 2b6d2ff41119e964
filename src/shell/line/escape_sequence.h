// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::shell {

// What a terminal sends besides text: keys, and answers to questions that somebody asked it, also late ones.
// One sequence of them at a time, byte by byte, in a few bytes of memory however long it is: ECMA-48's
// control sequences and strings, as ESC and a letter, as one byte, or as that byte in UTF-8; the keys of
// xterm and of the Linux console.
class EscapeSequence {
  public:
    enum class Outcome : u8 {
        Open,    // the byte belongs to the sequence, which goes on
        Ignored, // it was the last one of something that is no key
        Key,     // it was the last one of a key or of the cursor's position: final_byte() and the parameters
        NotMine  // it does not belong to the sequence, which is over: the byte stands for itself
    };

    static constexpr u8 escape_byte = 0x1b;
    // One of the single bytes that begin a sequence. In UTF-8 text they can only stand within a character.
    static bool is_8_bit_start(u8 byte);

    // Starts with Escape or an 8-bit start; `is_in_utf_8`: the latter as a character of its
    // own, 0xc2 and this byte.
    void begin(u8 byte, bool is_in_utf_8 = false);
    bool is_open() const { return state_ != State::None; }
    Outcome take(u8 byte);
    // Nothing more is expected. Where nothing of a sequence stood behind an 8-bit start, that was a byte of
    // text in some other encoding: returns it, else nothing.
    std::string_view give_up();

    u8 final_byte() const { return final_; }
    // Numbers of the sequence, 0 where there is none.
    u16 first_parameter() const { return first_; }
    u16 last_parameter() const { return last_; }

  private:
    enum class State : u8 { None, Escape, Control, Single, Skip, Text, TextEscape };
    void open(State state);
    Outcome after_escape(u8 byte);
    Outcome control(u8 byte);
    Outcome text(u8 byte);
    Outcome end(Outcome outcome);
    void parameter(u8 byte);

    State state_ = State::None;
    char start_[2] = {};
    u8 start_bytes_ = 0; // of an 8-bit start with nothing behind it
    u8 final_ = 0;
    u16 first_ = 0;
    u16 last_ = 0;
    bool is_first_ = true;              // the first parameter is not over
    bool is_bare_ = true;               // nothing stands between the start and this byte
    bool is_plain_ = true;              // nothing but numbers does
    u8 bytes_left_ = 0;                 // of Skip, and of a character in Text
    bool is_after_utf_8_start_ = false; // in Text
};

} // namespace vireo::shell
