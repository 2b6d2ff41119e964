// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/context.h"

namespace vireo::shell {

// What Tab finds for the end of `text` (the line up to the cursor): commands where a command can stand, first
// arguments that a command has announced, variables behind '$' and as arguments of the commands that take
// names.
class Completion {
  public:
    Completion(const Context& context, std::string_view text);

    usize matches() const { return matches_; }

    // What all matches have in common beyond what is typed. The text lives as long as the variables do not
    // change.
    std::string_view common() const { return common_; }

    // What to put behind a single match: a blank, or '}'.
    std::string_view closing() const { return closing_; }

    // All matches, one a line, indented.
    void list(Writer& out) const;

  private:
    enum class Kind : u8 { Nothing, Commands, Variables, Subcommands };
    template <typename Visitor> void each(Visitor&& visitor) const;
    const Context& context_;
    Kind kind_ = Kind::Nothing;
    const Command* command_ = nullptr; // whose subcommands
    std::string_view typed_;           // the part of the word that is there
    std::string_view common_;
    std::string_view closing_ = " ";
    usize matches_ = 0;
};

} // namespace vireo::shell
