// SPDX-License-Identifier: Apache-2.0
#include "shell/line/line_display.h"

#include "shell/line/character.h"

namespace vireo::shell {

namespace {

// Lines up to here are on one row of every terminal that people use.
constexpr usize safe_columns = 40;
constexpr usize narrowest = 8;
constexpr usize widest = 4096;
constexpr auto answer_time = event::Duration::milli(200);
constexpr auto width_lasts = event::Duration::seconds(1);

// Remember the cursor, go to the right margin, say where that is, go back (ECMA-48, DEC's save and restore).
// Nothing on the screen moves or scrolls.
constexpr std::string_view ask_for_width = "\x1b"
                                           "7\x1b[999C\x1b[6n\x1b"
                                           "8";

bool starts_character(std::string_view text, usize position) {
    return position >= text.size() || first_character(text.substr(position)).columns > 0;
}

// How much of both is the same: whole characters with the marks that join them.
usize common_bytes(std::string_view a, std::string_view b) {
    usize same = static_cast<usize>(std::ranges::mismatch(a, b).in1 - a.begin());
    if (same == a.size() && same == b.size())
        return same;
    while (same > 0 && (unfinished_bytes(a.substr(0, same)) != 0 || !starts_character(a, same) ||
                        !starts_character(b, same)))
        --same;
    return same;
}

} // namespace

void LineDisplay::begin(std::string_view prompt) {
    prompt_ = prompt;
    is_mute_ = asking_ = false;
    width_ = prompt_columns_ = 0;
    prompt_columns_ = locate(prompt).column;
    start_over();
}

void LineDisplay::start_over() {
    console_.write(prompt_);
    shown_bytes_ = shown_cursor_ = 0;
}

LineDisplay::Place LineDisplay::locate(std::string_view text) const {
    Place place{0, prompt_columns_};
    while (!text.empty()) {
        Character character = first_character(text);
        if (width_ != 0 && place.column + character.columns > width_)
            place = {place.row + 1, 0}; // a wide one leaves the last column free
        place.column += character.columns;
        text.remove_prefix(character.bytes);
    }
    // Behind the last column the terminal's cursor still stands on it; write_from() takes it to the next row.
    return width_ != 0 && place.column == width_ ? Place{place.row + 1, 0} : place;
}

bool LineDisplay::needs_width(std::string_view text, usize cursor, usize same) const {
    bool only_adds = same == shown_bytes_ && shown_cursor_ == shown_bytes_ && cursor == text.size();
    if (only_adds || is_mute_ || (width_ != 0 && !width_is_valid_.has_passed()))
        return false;
    // Bytes are never fewer than columns.
    return prompt_columns_ + std::max(text.size(), shown_bytes_) > safe_columns;
}

void LineDisplay::ask() {
    console_.write(ask_for_width);
    asking_ = true;
    patience_ = event::Deadline::after(answer_time);
}

void LineDisplay::give_up() {
    asking_ = false;
    is_mute_ = true;
}

void LineDisplay::take_width(usize columns) {
    if (columns < narrowest || columns > widest)
        return;
    asking_ = false;
    usize before = std::exchange(width_, columns);
    width_is_valid_ = event::Deadline::after(width_lasts);
    if (before == 0) {
        step_over_margin();
    } else if (before != columns) {
        // Each terminal has its own way with lines that have become too long. What is left of
        // this one stays above.
        console_.write("\n\x1b[J");
        start_over();
    }
}

// Moves on by writing what is there.
void LineDisplay::write_to(usize position) {
    if (position == shown_cursor_)
        return;
    console_.write(shown().substr(shown_cursor_, position - shown_cursor_));
    shown_cursor_ = position;
    step_over_margin();
}

// Text that ends in the last column leaves the terminal's cursor on it. The next row is made, so that all
// later movements start from a known place.
void LineDisplay::step_over_margin() {
    Place place = locate(shown().substr(0, shown_cursor_));
    if (place.column == 0 && place.row > 0)
        console_.write("\n");
}

void LineDisplay::write_repeated(char c, usize count) {
    for (; count > 0; --count)
        console_.write({&c, 1});
}

void LineDisplay::go_back(usize position) {
    Place from = locate(shown().substr(0, shown_cursor_));
    Place to = locate(shown().substr(0, position));
    shown_cursor_ = position;
    if (from.row == to.row)
        return write_repeated('\b', from.column - to.column);
    print(console_, "\r\x1b[{}A", from.row - to.row);
    if (to.column > 0)
        print(console_, "\x1b[{}C", to.column);
}

void LineDisplay::show(std::string_view text, usize cursor) {
    // An edit may have joined the bytes around the cursor to one character: then it stands behind that.
    usize boundary = 0;
    while (boundary < cursor)
        boundary += first_character(text.substr(boundary)).bytes;
    cursor = boundary;
    usize same = common_bytes(text, shown());
    if (asking_)
        return;
    if (needs_width(text, cursor, same))
        return ask();
    if (same < shown_bytes_ || same < text.size())
        change(text, same);
    if (cursor < shown_cursor_)
        go_back(cursor);
    else if (cursor > shown_cursor_)
        write_to(cursor);
}

// Shows another line, of which the first `same` bytes are there already; the cursor is at its end afterwards.
void LineDisplay::change(std::string_view text, usize same) {
    usize old_columns = locate(shown()).column;
    if (same < shown_cursor_)
        go_back(same);
    // Also where a wide character will not fit the last column, which then would keep what it has.
    if (width_ != 0 && shown_cursor_ < shown_bytes_)
        console_.write("\x1b[J"); // erases to the end of the screen
    std::memcpy(shown_, text.data(), text.size());
    shown_bytes_ = text.size();
    write_to(text.size());
    usize columns = locate(text).column;
    if (width_ == 0 && old_columns > columns) {
        write_repeated(' ', old_columns - columns);
        write_repeated('\b', old_columns - columns);
    }
}

void LineDisplay::leave(std::string_view text, usize cursor) {
    give_up();
    show(text, width_ != 0 ? text.size() : cursor);
}

void LineDisplay::clear_screen() {
    console_.write("\x1b[H\x1b[J");
    asking_ = false;
    width_ = 0;
    start_over();
}

} // namespace vireo::shell
