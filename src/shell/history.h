// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

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

} // namespace vireo::shell
