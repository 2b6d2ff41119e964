// SPDX-License-Identifier: Apache-2.0
#include "shell/language/lexer.h"

namespace vireo::shell {

Quoting::Piece Quoting::take(char c, char next) {
    char& quote = quotes_[level_];
    if (quote == '\'') {
        if (c != quote)
            return Piece::Character;
    } else if (c == '\\') {
        return Piece::Escape;
    } else if (c == '$' && next == '{') {
        if (level_ == max_levels)
            return Piece::TooDeep;
        quotes_[++level_] = 0;
        return Piece::Open;
    } else if (quote == 0 && level_ > 0 && c == '}') {
        --level_;
        return Piece::Close;
    }
    if (quote == 0 ? c != '\'' && c != '"' : c != quote)
        return Piece::Character;
    quote = quote == 0 ? c : '\0';
    return Piece::Quote;
}

Token Lexer::cut(Token::Kind kind, usize bytes) {
    Token token{kind, text_.substr(position_, bytes)};
    position_ += bytes;
    return token;
}

void Lexer::skip_blanks() {
    while (!at_end()) {
        char c = peek();
        if (c == ' ' || c == '\t')
            ++position_;
        else if (c == '\\' && peek(1) == '\n')
            position_ += 2; // a continued line
        else
            break;
    }
    if (peek() == '#')
        while (!at_end() && peek() != '\n')
            ++position_;
}

Token Lexer::next() {
    skip_blanks();
    if (at_end())
        return cut(Token::Kind::End, 0);
    bool doubled = peek(1) == peek();
    switch (peek()) {
    case '\n':
        return cut(Token::Kind::NewLine, 1);
    case ';':
        return cut(Token::Kind::Separator, 1); // ";;" is two, with no command between them
    case '&':
        return doubled ? cut(Token::Kind::And, 2) : cut(Token::Kind::Forbidden, 1);
    case '|':
        return doubled ? cut(Token::Kind::Or, 2) : cut(Token::Kind::Forbidden, 1);
    default:
        return word();
    }
}

Token Lexer::word() {
    usize start = position_;
    Quoting quoting;
    for (; !at_end(); ++position_) {
        char c = peek();
        bool is_bare = !quoting.is_quoted() && quoting.level() == 0;
        switch (quoting.take(c, peek(1))) {
        case Quoting::Piece::Escape:
            if (position_ + 1 == text_.size())
                return cut(Token::Kind::Incomplete, 1);
            ++position_;
            continue;
        case Quoting::Piece::Open:
            ++position_;
            continue;
        case Quoting::Piece::TooDeep:
            return cut(Token::Kind::TooDeep, 2);
        case Quoting::Piece::Quote:
        case Quoting::Piece::Close:
            continue;
        case Quoting::Piece::Character:
            break;
        }
        if (!is_bare)
            continue;
        if (c == '`')
            return cut(Token::Kind::Forbidden, 1);
        if (c == '$' && peek(1) == '(')
            return cut(Token::Kind::Forbidden, 2);
        if (c == ' ' || c == '\t' || c == '\n' || c == ';' || c == '&' || c == '|')
            break;
    }
    open_quote_ = quoting.quote();
    bool is_open = quoting.is_quoted() || quoting.level() > 0;
    return {is_open ? Token::Kind::Incomplete : Token::Kind::Word, text_.substr(start, position_ - start)};
}

} // namespace vireo::shell
