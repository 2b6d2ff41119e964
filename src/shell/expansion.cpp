// SPDX-License-Identifier: Apache-2.0
#include "shell/expansion.h"

#include "shell/context.h"

namespace vireo::shell {

static bool is_identifier_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_identifier(std::string_view name) {
    return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
           std::ranges::all_of(name, is_identifier_character);
}

std::string_view variable_value(const Context& context, std::string_view name) {
    if (auto value = context.environment.get(name))
        return *value;
    return context.locals.get(name).value_or("");
}

Result<Expansion> Expansion::create() { return Expansion(VIREO_TRY(OwnedArray<char>::create(max_bytes))); }

void Expansion::clear() {
    words_.clear();
    used_ = 0;
    word_open_ = false;
}

Result<> Expansion::put(char c) {
    if (!word_open_) {
        word_open_ = true;
        word_start_ = used_;
    }
    if (used_ == text_.size())
        return error(ErrorCode::TooLarge, "command line too long with its variables");
    text_[used_++] = c;
    return {};
}

Result<> Expansion::end_word() {
    if (!word_open_)
        return {};
    word_open_ = false;
    if (!words_.try_push_back({text_.data() + word_start_, used_ - word_start_}))
        return error(ErrorCode::TooLarge, "more than 64 words");
    return {};
}

Result<> Expansion::add_unsplit(const Context& context, std::string_view word) {
    word_open_ = true; // also when it is empty
    word_start_ = used_;
    return expand(context, word, false);
}

Result<> Expansion::expand(const Context& context, std::string_view word, bool split) {
    char quote = 0;
    for (usize i = 0; i < word.size(); ++i) {
        char c = word[i];
        if (quote == 0 ? c == '\'' || c == '"' : c == quote) {
            quote = quote == 0 ? c : '\0';
            if (!word_open_) { // "" is a word
                word_open_ = true;
                word_start_ = used_;
            }
        } else if (c == '\\' && quote != '\'') {
            char next = word[++i]; // the lexer saw to it that there is one
            if (next == '\n')
                continue;
            // Inside double quotes a backslash stands for itself unless it changes what follows.
            if (quote == '"' && next != '"' && next != '\\' && next != '$')
                VIREO_TRY(put('\\'));
            VIREO_TRY(put(next));
        } else if (c == '$' && quote != '\'') {
            VIREO_TRY(expand_variable(context, word, i, split && quote == 0));
        } else {
            VIREO_TRY(put(c));
        }
    }
    return end_word();
}

// Puts the value of the variable whose '$' is at `position`; leaves `position` at its last character.
Result<> Expansion::expand_variable(const Context& context, std::string_view word, usize& position,
                                    bool split) {
    std::string_view rest = word.substr(position + 1);
    std::string_view name;
    StringBuffer<12> number;
    if (rest.starts_with('?')) {
        print(number, "{}", context.status);
        position += 1;
    } else if (rest.starts_with('{')) {
        usize close = rest.find('}');
        if (close == std::string_view::npos || close == 1 ||
            bad_name_character(rest.substr(1, close - 1)) != 0)
            return error(ErrorCode::InvalidArgument, "'${' wants a name and '}'");
        name = rest.substr(1, close - 1);
        position += close + 1;
    } else {
        usize length = 0;
        while (length < rest.size() && is_identifier_character(rest[length]))
            ++length;
        if (length == 0)
            return put('$');
        name = rest.substr(0, length);
        position += length;
    }
    for (char c : name.empty() ? number.view() : variable_value(context, name)) {
        if (split && (c == ' ' || c == '\t' || c == '\n'))
            VIREO_TRY(end_word());
        else
            VIREO_TRY(put(c));
    }
    return {};
}

} // namespace vireo::shell
