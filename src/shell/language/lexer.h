// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::shell {

// A piece of shell text.
struct Token {
    enum class Kind : u8 {
        Word,      // as typed, quotes and variables still in it; both are known to be closed
        Separator, // ';'
        NewLine,
        And,        // "&&"
        Or,         // "||"
        End,        // of the text
        Incomplete, // the text ends inside quotes or "${", in this word, or behind a backslash
        Forbidden,  // '|' or '&' alone, "$(" or a backquote
        TooDeep     // "${" inside more of them than `Quoting` follows
    };
    Kind kind;
    std::string_view text;
};

// Follows the quotes and the "${" of a word from its first character to its last. The text behind "${NAME:-"
// may have quotes of its own, so each "${" starts a level; what is open outside counts again behind its '}'.
class Quoting {
  public:
    static constexpr usize max_levels = 4;
    enum class Piece : u8 {
        Character, // nothing of the following
        Escape,    // a backslash that takes the next character with it; two bytes
        Quote,     // opens or closes quotes
        Open,      // "${", two bytes
        Close,     // its '}'
        TooDeep    // "${" with max_levels open
    };

    // What the character is, `next` behind it; for pieces of two bytes the second is not asked for.
    Piece take(char c, char next);

    usize level() const { return level_; }
    char quote() const { return quotes_[level_]; } // that is open in this level; 0 if none is
    // True if quotes are open, here or around a "${" that is open.
    bool is_quoted() const {
        return std::ranges::any_of(std::span(quotes_, level_ + 1), [](char quote) { return quote != 0; });
    }

  private:
    char quotes_[max_levels + 1] = {};
    usize level_ = 0;
};

// Cuts shell text into tokens. A comment ('#' where a word could start) counts as blank.
class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) {}
    Token next();

    // Where the next token will be looked for; loops jump back by it.
    usize position() const { return position_; }
    void set_position(usize position) { position_ = position; }

    // Behind Incomplete: the quote that is open; 0 behind a backslash and inside "${".
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
