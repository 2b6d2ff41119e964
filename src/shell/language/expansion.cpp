// SPDX-License-Identifier: Apache-2.0
#include "shell/language/expansion.h"

#include "shell/context.h"

namespace vireo::shell {

static bool is_identifier_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_identifier(std::string_view name) {
    return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
           std::ranges::all_of(name, is_identifier_character);
}

bool is_plain_name(std::string_view name) {
    if (name.ends_with('#'))
        name.remove_suffix(1);
    auto is_plain = [](char c) { return is_identifier_character(c) || c == '.' || c == '-'; };
    return !name.empty() && std::ranges::all_of(name, is_plain);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

static bool is_variable(const Context& context, std::string_view name) {
    return context.environment.get(name) || context.locals.get(name);
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

void Expansion::open_word() {
    if (std::exchange(word_open_, true))
        return;
    word_start_ = used_;
}

Result<> Expansion::put(char c) {
    open_word();
    if (used_ == text_.size())
        return error(ErrorCode::TooLarge, "command line too long with its variables");
    text_[used_++] = c;
    return {};
}

// What a backslash took with it.
Result<> Expansion::put_escaped(char c) {
    if (c == '\n')
        return {};
    // Inside double quotes a backslash stands for itself unless it changes what follows.
    if (quoting_.quote() == '"' && c != '"' && c != '\\' && c != '$')
        VIREO_TRY(put('\\'));
    return put(c);
}

Result<> Expansion::put_value(std::string_view value, bool split) {
    for (char c : value) {
        if (split && is_blank(c))
            VIREO_TRY(end_word());
        else
            VIREO_TRY(put(c));
    }
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

Result<> Expansion::add(Context& context, std::string_view word) {
    VIREO_TRY(expand(context, word, true));
    return end_word();
}

Result<> Expansion::add_unsplit(Context& context, std::string_view word) {
    open_word(); // also when it is empty
    VIREO_TRY(expand(context, word, false));
    return end_word();
}

Result<> Expansion::add_text(Context& context, std::string_view word) {
    VIREO_TRY(expand(context, word, false));
    return put(' ');
}

// True if blanks separate words here: outside quotes, and not in a text that becomes a value as it is.
bool Expansion::splits() const {
    auto open = std::span(alternatives_, quoting_.level());
    return !quoting_.is_quoted() && std::ranges::all_of(open, [](const Alternative& alternative) {
        return alternative.assigned.empty();
    });
}

Result<> Expansion::expand(Context& context, std::string_view word, bool split) {
    quoting_ = {};
    for (usize i = 0; i < word.size(); ++i) {
        char c = word[i];
        char next = i + 1 < word.size() ? word[i + 1] : '\0';
        switch (quoting_.take(c, next)) {
        case Quoting::Piece::Quote:
            open_word(); // "" is a word
            break;
        case Quoting::Piece::Escape:
            VIREO_TRY(put_escaped(word[++i])); // the lexer saw to it that there is one
            break;
        case Quoting::Piece::Open:
            VIREO_TRY(open_brace(context, word, i, split));
            break;
        case Quoting::Piece::Close:
            VIREO_TRY(close_brace(context, split));
            break;
        case Quoting::Piece::TooDeep: // the lexer refused it
        case Quoting::Piece::Character:
            if (c == '$' && quoting_.quote() != '\'')
                VIREO_TRY(expand_variable(context, word, i, split && splits()));
            else if (is_blank(c) && quoting_.level() > 0 && split && splits())
                VIREO_TRY(end_word());
            else
                VIREO_TRY(put(c));
            break;
        }
    }
    return {};
}

// Puts the value of the variable whose '$' is at `position`; leaves `position` at its last character.
Result<> Expansion::expand_variable(const Context& context, std::string_view word, usize& position,
                                    bool split) {
    std::string_view rest = word.substr(position + 1);
    if (rest.starts_with('?')) {
        StringBuffer<12> number;
        print(number, "{}", context.status);
        ++position;
        return put_value(number.view(), split);
    }
    usize length = 0;
    while (length < rest.size() && is_identifier_character(rest[length]))
        ++length;
    if (length == 0)
        return put('$');
    position += length;
    return put_value(variable_value(context, rest.substr(0, length)), split);
}

// The "${" at `position`. Its value is put at once, up to the '}'; or else the text behind ":-" and its like
// comes next, as what stands outside does, until close_brace.
Result<> Expansion::open_brace(const Context& context, std::string_view word, usize& position, bool split) {
    std::string_view rest = word.substr(position + 2);
    usize length = rest.find_first_of(":}");
    std::string_view name = rest.substr(0, length);
    std::string_view behind = rest.substr(name.size());
    char operation = behind.size() >= 2 && behind[0] == ':' ? behind[1] : '\0';
    bool is_known = behind.starts_with('}') || operation == '-' || operation == '=' || operation == '+';
    if (!is_known || bad_name_character(name) != 0 || (!is_plain_name(name) && !is_variable(context, name)))
        return error(ErrorCode::InvalidArgument,
                     "'${' wants a name and '}', or between them :-TEXT, :=TEXT or :+TEXT");
    std::string_view value = variable_value(context, name);
    position += 1 + name.size();
    if (operation != 0) {
        position += 2;
        if (value.empty() != (operation == '+')) {
            alternatives_[quoting_.level() - 1] = {operation == '=' ? name : std::string_view{}, used_,
                                                   word_open_};
            return {};
        }
    }
    skip_to_close(word, position);
    return operation == '+' ? Result<>() : put_value(value, split && splits());
}

// From the last character before the innermost "${"'s text, or its '}', to that '}'.
void Expansion::skip_to_close(std::string_view word, usize& position) {
    for (usize level = quoting_.level(); quoting_.level() >= level && position + 1 < word.size();) {
        char c = word[++position];
        auto piece = quoting_.take(c, position + 1 < word.size() ? word[position + 1] : '\0');
        if (piece == Quoting::Piece::Escape || piece == Quoting::Piece::Open)
            ++position;
    }
}

// The text of ":=" is the variable's value from now on, and is put as any value is.
Result<> Expansion::close_brace(Context& context, bool split) {
    Alternative& closed = alternatives_[quoting_.level()];
    std::string_view name = std::exchange(closed.assigned, {});
    if (name.empty())
        return {};
    VIREO_TRY(context.locals.store(name, {text_.data() + closed.start, used_ - closed.start}));
    used_ = closed.start;
    word_open_ = closed.word_was_open;
    return put_value(context.locals.get(name).value_or(""), split && splits());
}

} // namespace vireo::shell
