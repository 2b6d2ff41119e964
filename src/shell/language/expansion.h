// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/owned_array.h"
#include "shell/language/lexer.h"

namespace vireo::shell {

struct Context;

// The value that `$name` stands for: an environment variable, else a shell variable, else nothing.
std::string_view variable_value(const Context& context, std::string_view name);

// True if `name` can follow a bare '$' and be assigned: letters, digits, '_', no digit first.
bool is_identifier(std::string_view name);

// True if `name` can stand in "${...}" even where no variable has it: what an identifier has, '.' and '-',
// and '#' at its end (`serial#`). Other characters are those of substitutions that this shell does not have.
bool is_plain_name(std::string_view name);

// The words of one command after quotes and variables. The memory is taken once and used again for each
// command.
class Expansion {
  public:
    static constexpr usize max_words = 64;
    static constexpr usize max_bytes = 16384;

    Expansion() = default; // without memory: takes no word
    static Result<Expansion> create();
    Expansion(Expansion&& other) noexcept : text_(std::move(other.text_)) {}

    void clear();

    // Adds what a word token stands for: one word, or none or several where an unquoted variable is empty
    // or has blanks. `${name:=text}` sets a shell variable on the way. Errors: TooLarge (more than
    // max_words or max_bytes), InvalidArgument (something in "${...}" that is no name, and behind it
    // nothing or ":-", ":=" or ":+").
    Result<> add(Context& context, std::string_view word);

    // The same as exactly one word: blanks in variables do not split.
    Result<> add_unsplit(Context& context, std::string_view word);

    // The same as text that is in no word: all that has been added so follows one another, a
    // blank behind each.
    Result<> add_text(Context& context, std::string_view word);
    std::string_view text() const { return {text_.data(), used_}; }

    std::span<const std::string_view> words() const { return {words_.data(), words_.size()}; }

  private:
    explicit Expansion(OwnedArray<char> text) : text_(std::move(text)) {}
    // A "${name:-text}" or its like whose text is being added.
    struct Alternative {
        std::string_view assigned; // its name if the text becomes its value
        usize start = 0;           // of the text
        bool word_was_open = false;
    };
    Result<> expand(Context& context, std::string_view word, bool split);
    Result<> expand_variable(const Context& context, std::string_view word, usize& position, bool split);
    Result<> open_brace(const Context& context, std::string_view word, usize& position, bool split);
    Result<> close_brace(Context& context, bool split);
    void skip_to_close(std::string_view word, usize& position);
    bool splits() const;
    void open_word();
    Result<> put(char c);
    Result<> put_escaped(char c);
    Result<> put_value(std::string_view value, bool split);
    Result<> end_word();

    OwnedArray<char> text_;
    usize used_ = 0;
    usize word_start_ = 0;
    bool word_open_ = false;
    Quoting quoting_; // of the word that is being expanded
    Alternative alternatives_[Quoting::max_levels];
    FixedVector<std::string_view, max_words> words_;
};

} // namespace vireo::shell
