// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/file_system.h"
#include "shell/context.h"

namespace vireo::shell {

// What Tab finds on a disk: the entries of a directory that begin as the last part of a path does. Hidden
// ones (".name") are offered once their dot is typed; names with control characters never are.
class FileCompletion {
  public:
    // `path` as the command would be given it; `quote`: the one that is open at its end, or 0. Without a
    // disk, file system or directory there is no match, and nothing is said; Ctrl-C ends the search.
    static std::unique_ptr<FileCompletion> find(Context& context, std::string_view interface,
                                                std::string_view spec, std::string_view path, char quote);

    usize matches() const { return matches_; }
    // What all matches have in common beyond the path, as it has to be typed: with backslashes, or
    // as the quote wants it.
    std::string_view common() const { return common_.view(); }
    // What to put behind a single match.
    std::string_view closing() const {
        return is_directory_ ? "/" : quote_ == 0 ? " " : quote_ == '"' ? "\" " : "' ";
    }
    void list(Context& context);

  private:
    std::string_view directory() const { return path_.view().substr(0, leaf_at_); }
    std::string_view leaf() const { return path_.view().substr(leaf_at_); }
    void look(Context& context);
    void put_typed(char c);

    std::optional<fs::FileSystem> files_;
    StringBuffer<4096> path_; // up to and with the last '/', and the part that is completed
    usize leaf_at_ = 0;
    usize matches_ = 0;
    bool is_directory_ = false;
    char quote_ = 0;
    StringBuffer<4 * fs::max_name_bytes> common_; // at most four are made of each byte
};

} // namespace vireo::shell
