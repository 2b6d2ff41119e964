// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace vireo::test {

// What a terminal makes of the bytes it is sent: a VT100's screen without colours, which wraps like one (the
// cursor stays on the last column until the next character comes), knows UTF-8, and says where the cursor is
// when it is asked. Anything else that it is sent is a failure.
class Terminal {
  public:
    explicit Terminal(unsigned width) : width_(width) {}

    std::function<void(std::string)> answer; // how it types
    unsigned questions = 0;
    unsigned bells = 0;

    // As an old terminal does it: what is on the screen stays where it is, or is cut off.
    void resize(unsigned width) {
        width_ = width;
        column_ = std::min(column_, width - 1);
        is_past_margin_ = false;
    }

    void take(std::string_view bytes) {
        for (char byte : bytes)
            take(static_cast<unsigned char>(byte));
    }

    // The text from `row` on, without blanks at the ends of rows.
    std::string text_from(unsigned row) const {
        std::string text;
        for (unsigned i = row; i < rows_.size(); ++i) {
            std::string line;
            for (const std::string& cell : rows_[i])
                line += cell;
            line.erase(line.find_last_not_of(' ') + 1);
            text += line + "\n";
        }
        return text;
    }
    unsigned rows() const { return static_cast<unsigned>(rows_.size()); }
    unsigned row() const { return row_; }
    unsigned column() const { return column_; }

    // Columns of a character; the few that the tests type.
    static unsigned width_of(const std::string& character) {
        return character == "\xe4\xb8\x96" || character == "\xf0\x9f\x98\x80" ? 2
               : character == "\xcc\x81"                                      ? 0
                                                                              : 1;
    }

  private:
    void take(unsigned char byte) {
        if (is_escape_)
            return escape(static_cast<char>(byte));
        if (byte >= 0x80 || !character_.empty())
            return part_of_character(static_cast<char>(byte));
        switch (byte) {
        case '\r':
            column_ = 0;
            is_past_margin_ = false;
            return;
        case '\n':
            next_row();
            return;
        case '\b':
            column_ -= column_ > 0 ? 1 : 0;
            is_past_margin_ = false;
            return;
        case '\a':
            ++bells;
            return;
        case 0x1b:
            is_escape_ = true;
            sequence_.clear();
            return;
        default:
            EXPECT_GE(byte, 0x20);
            put(std::string(1, static_cast<char>(byte)));
        }
    }

    void part_of_character(char byte) {
        character_ += byte;
        auto lead = static_cast<unsigned char>(character_[0]);
        if (character_.size() == (lead < 0xe0 ? 2u : lead < 0xf0 ? 3u : 4u))
            put(std::exchange(character_, {}));
    }

    void put(const std::string& character) {
        unsigned width = width_of(character);
        if (width == 0) {
            rows_[row_][is_past_margin_ ? column_ : column_ - 1] += character;
            return;
        }
        if (is_past_margin_ || column_ + width > width_) {
            column_ = 0;
            is_past_margin_ = false;
            next_row();
        }
        auto& cells = rows_[row_];
        if (cells.size() < column_ + width)
            cells.resize(column_ + width, " ");
        cells[column_] = character;
        if (width == 2)
            cells[column_ + 1] = "";
        column_ += width;
        if (column_ >= width_) {
            column_ = width_ - 1;
            is_past_margin_ = true;
        }
    }

    void next_row() {
        if (++row_ == rows_.size())
            rows_.emplace_back();
    }

    void escape(char byte) {
        sequence_ += byte;
        if (sequence_[0] == '[' ? sequence_.size() == 1 || byte < 0x40 : false)
            return;
        is_escape_ = false;
        unsigned number = sequence_.size() > 2 ? static_cast<unsigned>(std::stoul(sequence_.substr(1))) : 0;
        unsigned count = std::max(number, 1u);
        if (sequence_ == "7") {
            saved_row_ = row_;
            saved_column_ = column_;
        } else if (sequence_ == "8") {
            row_ = saved_row_;
            column_ = saved_column_;
            is_past_margin_ = false; // some forget it, and then it must not matter
        } else if (sequence_ == "[6n") {
            ++questions;
            if (answer)
                answer("\x1b[" + std::to_string(row_ + 1) + ";" + std::to_string(column_ + 1) + "R");
        } else if (byte == 'C') {
            column_ = std::min(column_ + count, width_ - 1);
            is_past_margin_ = false;
        } else if (byte == 'A') {
            row_ -= std::min(row_, count);
            is_past_margin_ = false;
        } else if (sequence_ == "[J") {
            rows_[row_].resize(std::min<size_t>(rows_[row_].size(), column_));
            rows_.resize(row_ + 1);
        } else if (sequence_ == "[H") {
            row_ = column_ = 0;
            is_past_margin_ = false;
        } else {
            ADD_FAILURE() << "unknown sequence ESC " << sequence_;
        }
    }

    unsigned width_;
    std::vector<std::vector<std::string>> rows_{1};
    unsigned row_ = 0;
    unsigned column_ = 0;
    bool is_past_margin_ = false;
    unsigned saved_row_ = 0;
    unsigned saved_column_ = 0;
    bool is_escape_ = false;
    std::string sequence_;
    std::string character_;
};

} // namespace vireo::test
