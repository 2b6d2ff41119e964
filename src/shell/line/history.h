// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"

namespace vireo::shell {

// The lines that were typed, newest last, in a fixed number of bytes: old lines make room for new ones.
class History {
  public:
    static constexpr usize max_bytes = 16384;

    // Remembers a line, unless it is empty or the same as the newest one.
    void add(std::string_view line);

    // The line `age` steps back, 1 being the newest; nothing if there are fewer. Valid until the next add().
    std::optional<std::string_view> line(usize age) const;

  private:
    char text_[max_bytes]; // each line with a zero at its end
    usize used_ = 0;
};

// Looks for the newest line that contains a text, while that text is typed. Nothing is added meanwhile.
class HistorySearch {
  public:
    explicit HistorySearch(const History& history) : history_(history) {}

    void begin();
    // What is searched for is longer now; false if no line has that, or if it is too long.
    // What was found stays.
    bool extend(std::string_view text);
    // One that differs from the line found now; false if there is none.
    bool older();
    // By a character; the search starts from the newest line again.
    void shorten();

    std::string_view pattern() const { return {pattern_, pattern_bytes_}; }
    usize age() const { return age_; } // of the line that was found; 0: none yet
    std::string_view found() const { return history_.line(age_).value_or(""); }

  private:
    bool find(usize from);
    const History& history_;
    char pattern_[64];
    usize pattern_bytes_ = 0;
    usize age_ = 0;
};

} // namespace vireo::shell
