// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "shell/context.h"
#include "shell/language/expansion.h"

namespace vireo::shell {

// A text that a command makes, as long as a command line can take at most: what is longer could
// never be used as `$name`.
class MadeText {
  public:
    static Result<MadeText> create() {
        return MadeText(VIREO_TRY(OwnedArray<char>::create(Expansion::max_bytes)));
    }
    // TooLarge: nothing is added then.
    Result<> add(std::string_view text);
    Result<> add(char c, usize count) {
        for (; count > 0; --count)
            VIREO_TRY(add({&c, 1}));
        return {};
    }
    std::string_view view() const { return {text_.data(), used_}; }

  private:
    explicit MadeText(OwnedArray<char> text) : text_(std::move(text)) {}
    OwnedArray<char> text_;
    usize used_ = 0;
};

// A text as it stands, or "*ADDRESS": the bytes there up to a zero. Nothing, and one line that says
// why, if there are none.
std::optional<MadeText> text_operand(Context& context, std::string_view text);

// setexpr.s NAME TEXT [+ TEXT]
int set_text(Context& context, Arguments arguments);
// setexpr NAME sub|gsub PATTERN REPLACEMENT [TEXT]
int substitute(Context& context, Arguments arguments);
// setexpr NAME fmt FORMAT [VALUE ...]
int set_formatted(Context& context, Arguments arguments);

} // namespace vireo::shell
