// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace vireo {

// The whole of `text` as an unsigned number. Base 16 allows a leading 0x; base 10 with `0x` is
// hexadecimal as well. Empty text, other characters and numbers over 64 bits are InvalidArgument ("not a
// number", "number too large").
Result<u64> parse_number(std::string_view text, unsigned base);

// Bytes as the text that they are. Not checked: print_untrusted() of the shell is for a terminal.
inline std::string_view as_text(Bytes bytes) {
    return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

// The text without blanks and tabs at either end.
std::string_view trim(std::string_view text);

// Splits off the part of `rest` before `separator` and advances `rest` behind it (to empty if there is none).
std::string_view split_first(std::string_view& rest, char separator);

} // namespace vireo
