// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// The words of text protocols (HTTP, TFTP's options, URLs): ASCII, in which capitals make no difference.
namespace vireo::net {

inline char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

inline bool is_same_word(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

} // namespace vireo::net
