// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/history.h"

namespace vireo::shell {

struct Context;

// Reads a line from the console with editing, history and completion. Bytes over 0x7f are text (UTF-8): the
// cursor moves by whole characters. Output is what changes on the screen and no more: text that is typed or
// pasted at the end of the line is echoed once, in as large pieces as it arrives in.
class LineEditor {
  public:
    static constexpr usize max_line_bytes = 4095;
    enum class Ending : u8 {
        Line,        // line() is what was typed
        Interrupted, // Ctrl-C
        TooLong,     // more than max_line_bytes came before the line end; all of it is gone
        EndOfInput   // Ctrl-D on an empty line, where the shell may exit
    };

    explicit LineEditor(Context& context) : context_(context) {}

    Ending read(std::string_view prompt);
    std::string_view line() const { return {text_, length_}; }
    History& history() { return history_; }

  private:
    enum class Escape : u8 { None, Started, Sequence, Single };

    // Handles one byte; an Ending if the line is over.
    std::optional<Ending> key(u8 byte);
    void control(u8 byte);
    void ordinary(u8 byte);
    void escape(u8 byte);
    void final_of_sequence(u8 byte);

    u8 wait_for_byte();
    std::optional<u8> type_text(u8 first);
    void insert(std::string_view text);
    void erase(usize start, usize end);
    void replace(std::string_view text);
    void move_to(usize position);
    void recall(bool older);
    void complete();

    usize before(usize position) const; // where the character before starts
    usize after(usize position) const;  // where the next character starts
    usize word_start() const;
    void write_tail(usize start, usize blanks_after);

    Context& context_;
    History history_;
    std::string_view prompt_;
    char text_[max_line_bytes];
    usize length_ = 0;
    usize cursor_ = 0;
    bool too_long_ = false;
    Escape escape_ = Escape::None;
    u8 parameter_ = 0;           // of an escape sequence
    usize age_ = 0;              // of the line recalled from history, 0 for the one being typed,
    char draft_[max_line_bytes]; // which is kept here
    usize draft_length_ = 0;
};

} // namespace vireo::shell
