// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/context.h"
#include "shell/line/file_completion.h"

namespace vireo::shell {

// What Tab finds for the end of `text` (the line up to the cursor): commands where a command can stand, first
// arguments that a command has announced, variables behind '$' and as arguments of the commands that take
// names, and files on disks. Looking at a disk takes time: Ctrl-C ends it.
class Completion {
  public:
    Completion(Context& context, std::string_view text);

    usize matches() const { return matches_; }
    bool was_interrupted() const { return was_interrupted_; }

    // What all matches have in common beyond what is typed. The text lives as long as this and the
    // variables do not change.
    std::string_view common() const { return common_; }

    // What to put behind a single match: a blank, '}', or '/'.
    std::string_view closing() const { return closing_; }

    // All matches, one a line, indented.
    void list() const;

  private:
    enum class Kind : u8 { Nothing, Commands, Variables, Subcommands };
    template <typename Visitor> void each(Visitor&& visitor) const;
    bool find_files(std::string_view text);
    Context& context_;
    Kind kind_ = Kind::Nothing;
    const Command* command_ = nullptr; // whose subcommands
    std::string_view typed_;           // the part of the word that is there
    std::string_view common_;
    std::string_view closing_ = " ";
    usize matches_ = 0;
    std::unique_ptr<FileCompletion> files_;
    bool was_interrupted_ = false;
};

} // namespace vireo::shell
