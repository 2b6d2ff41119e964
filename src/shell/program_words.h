// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "shell/command.h"

namespace vireo::shell {

// Words as a C program has them: each with a zero byte, and a null pointer behind the last.
class ProgramWords {
  public:
    static Result<ProgramWords> create(Arguments words) {
        usize bytes = 0;
        for (std::string_view word : words)
            bytes += word.size() + 1;
        ProgramWords made;
        made.text_ = VIREO_TRY(OwnedArray<char>::create(bytes));
        made.pointers_ = VIREO_TRY(OwnedArray<const char*>::create(words.size() + 1));
        char* next = made.text_.data();
        for (usize i = 0; i < words.size(); ++i) {
            made.pointers_[i] = next;
            next = std::ranges::copy(words[i], next).out + 1;
        }
        return made;
    }
    // Without that null pointer, which lies behind them.
    std::span<const char* const> pointers() const { return {pointers_.data(), pointers_.size() - 1}; }

  private:
    OwnedArray<char> text_;
    OwnedArray<const char*> pointers_;
};

} // namespace vireo::shell
