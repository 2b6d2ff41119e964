// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/owned_array.h"

namespace vireo::shell {

struct Context;

// The value that `$name` stands for: an environment variable, else a shell variable, else nothing.
std::string_view variable_value(const Context& context, std::string_view name);

// True if `name` can follow a bare '$' and be assigned: letters, digits, '_', no digit first.
bool is_identifier(std::string_view name);

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

    // Adds what a word token stands for: one word, or none or several where an unquoted variable is empty or
    // has blanks. Errors: TooLarge (more than max_words or max_bytes), InvalidArgument ("${" without a name
    // and "}").
    Result<> add(const Context& context, std::string_view word) { return expand(context, word, true); }

    // The same as exactly one word: blanks in variables do not split.
    Result<> add_unsplit(const Context& context, std::string_view word);

    std::span<const std::string_view> words() const { return {words_.data(), words_.size()}; }

  private:
    explicit Expansion(OwnedArray<char> text) : text_(std::move(text)) {}
    Result<> expand(const Context& context, std::string_view word, bool split);
    Result<> expand_variable(const Context& context, std::string_view word, usize& position, bool split);
    Result<> put(char c);
    Result<> end_word();

    OwnedArray<char> text_;
    usize used_ = 0;
    usize word_start_ = 0;
    bool word_open_ = false;
    FixedVector<std::string_view, max_words> words_;
};

} // namespace vireo::shell
