// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"
#include "system/console.h"

namespace vireo::shell {

// What the terminal shows of the line that is being edited. It is told what the line is now and sends what
// makes the difference, so text at the end of the line is echoed once and no more.
//
// A line that is longer than the terminal is wide wraps, and going back in it takes the width. Only the
// terminal knows that, so it is asked when it is needed, and again when the answer is older than a second
// (windows change their size). What has to be shown waits for the answer; keys do not. A terminal that does
// not answer (a script) counts as endlessly wide.
class LineDisplay {
  public:
    static constexpr usize max_bytes = 4095;

    explicit LineDisplay(system::Console& console) : console_(console) {}

    // A new line: shows the prompt. The text of `prompt` stays valid until the next begin().
    void begin(std::string_view prompt);

    // The line is `text` now (max_bytes at most) with the cursor in front of byte `cursor`. Unless the width
    // is asked for, the terminal shows that when it returns.
    void show(std::string_view text, usize cursor);

    // While true, show() waits for the terminal: at most until `patience`, then give_up() and show() again.
    bool is_asking() const { return asking_; }
    event::Deadline patience() const { return patience_; }
    void give_up();
    // The terminal has said how wide it is; show() again.
    void take_width(usize columns);

    // The line is done, and shown whatever the terminal says: what is printed next stands behind it.
    void leave(std::string_view text, usize cursor);
    // An empty screen with the prompt; show() again.
    void clear_screen();

  private:
    struct Place {
        usize row = 0;
        usize column = 0;
    };
    std::string_view shown() const { return {shown_, shown_bytes_}; }
    Place locate(std::string_view text) const; // where the cursor is behind `text`
    bool needs_width(std::string_view text, usize cursor, usize same) const;
    void ask();
    void change(std::string_view text, usize same);
    void write_to(usize position);
    void step_over_margin();
    void go_back(usize position);
    void write_repeated(char c, usize count);
    void start_over();

    system::Console& console_;
    std::string_view prompt_;
    usize prompt_columns_ = 0;
    usize width_ = 0; // 0: not known, then the line is taken to be on one row
    event::Deadline width_is_valid_ = event::Deadline::never();
    bool asking_ = false;
    bool is_mute_ = false; // it has not answered while this line was edited
    event::Deadline patience_ = event::Deadline::never();
    char shown_[max_bytes];
    usize shown_bytes_ = 0;
    usize shown_cursor_ = 0;
};

} // namespace vireo::shell
