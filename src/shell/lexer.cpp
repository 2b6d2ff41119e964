// SPDX-License-Identifier: Apache-2.0
#include "shell/lexer.h"

namespace vireo::shell {

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
        return doubled ? cut(Token::Kind::Forbidden, 2) : cut(Token::Kind::Separator, 1);
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
    char quote = 0;
    for (; !at_end(); ++position_) {
        char c = peek();
        if (c == '\\' && quote != '\'') {
            if (position_ + 1 == text_.size())
                return cut(Token::Kind::Incomplete, 1);
            ++position_;
        } else if (quote != 0) {
            if (c == quote)
                quote = 0;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '`') {
            return cut(Token::Kind::Forbidden, 1);
        } else if (c == '$' && peek(1) == '(') {
            return cut(Token::Kind::Forbidden, 2);
        } else if (c == ' ' || c == '\t' || c == '\n' || c == ';' || c == '&' || c == '|') {
            break;
        }
    }
    open_quote_ = quote;
    return {quote != 0 ? Token::Kind::Incomplete : Token::Kind::Word, text_.substr(start, position_ - start)};
}

} // namespace vireo::shell
