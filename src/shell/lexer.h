// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::shell {

// A piece of shell text.
struct Token {
    enum class Kind : u8 {
        Word,      // as typed, quotes and variables still in it; they are known to be closed
        Separator, // ';'
        NewLine,
        And,        // "&&"
        Or,         // "||"
        End,        // of the text
        Incomplete, // the text ends inside quotes, in this word, or behind a backslash
        Forbidden   // '|' or '&' alone, ";;", "$(" or a backquote
    };
    Kind kind;
    std::string_view text;
};

// Cuts shell text into tokens. A comment ('#' where a word could start) counts as blank.
class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}
    Token next();

    // Where the next token will be looked for; loops jump back by it.
    usize position() const { return position_; }
    void set_position(usize position) { position_ = position; }

    // Behind Incomplete: the quote that is open; 0 behind a backslash.
    char open_quote() const { return open_quote_; }

  private:
    void skip_blanks();
    Token word();
    Token cut(Token::Kind kind, usize bytes);
    char peek(usize ahead = 0) const {
        return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
    }
    bool at_end() const { return position_ >= text_.size(); }
    std::string_view text_;
    usize position_ = 0;
    char open_quote_ = 0;
};

} // namespace vireo::shell
