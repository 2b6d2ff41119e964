// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/context.h"
#include "shell/line/escape_sequence.h"
#include "shell/line/history.h"
#include "shell/line/line_display.h"

namespace vireo::shell {

// Reads a line from the console with editing, history, its search, and completion. Bytes over 0x7f are text
// (UTF-8): the cursor moves by whole characters, and the display counts the columns that they take. What a
// terminal answers to questions, also of others and too late, is no input.
class LineEditor {
  public:
    static constexpr usize max_line_bytes = LineDisplay::max_bytes;
    enum class Ending : u8 {
        Line,        // line() is what was typed
        Interrupted, // Ctrl-C
        TooLong,     // more than max_line_bytes came before the line end; all of it is gone
        EndOfInput   // Ctrl-D on an empty line, where the shell may exit
    };

    explicit LineEditor(Context& context) : context_(context), display_(context.console) {}

    Ending read(std::string_view prompt);
    std::string_view line() const { return {text_, length_}; }
    History& history() { return history_; }

  private:
    // Handles one byte; an Ending if the line is over.
    std::optional<Ending> key(u8 byte);
    Ending interrupted();
    void control(u8 byte);
    bool sequence(u8 byte); // true: it was of an escape sequence
    void give_up_sequence();
    void key_of_sequence();
    void edit_key(u16 number);

    u8 wait_for_byte();
    u8 next_byte();
    std::optional<u8> type_text(u8 first);
    void type(std::string_view text);
    bool type_pasted_tab(std::optional<u8>& next);
    void insert(std::string_view text);
    void erase(usize start, usize end);
    void replace(std::string_view text);
    void recall(bool older);
    void recall_age(usize age, std::string_view text);
    void complete();
    bool search_key(u8 byte); // true: it was for the search
    void end_search();
    usize word_start() const;
    void refresh(); // shows what has changed
    void bell() { context_.console.write("\a"); }

    Context& context_;
    History history_;
    std::string_view prompt_;
    char text_[max_line_bytes];
    usize length_ = 0;
    usize cursor_ = 0;
    bool too_long_ = false;
    bool is_interrupted_ = false; // while Tab looked at a disk
    EscapeSequence sequence_;
    bool is_pasting_ = false;    // the terminal has said so
    usize age_ = 0;              // of the line recalled from history, 0 for the one being typed,
    char draft_[max_line_bytes]; // which is kept here
    usize draft_length_ = 0;
    bool searching_ = false; // Ctrl-R: the terminal shows the search in place of the line
    HistorySearch search_{history_};
    StringBuffer<max_line_bytes> search_text_;
    LineDisplay display_;
};

} // namespace vireo::shell
