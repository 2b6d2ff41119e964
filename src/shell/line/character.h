// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::shell {

// One character of UTF-8 text as a terminal shows it.
struct Character {
    u8 bytes;   // 1 to 4
    u8 columns; // 0 (it joins the one before it), 1, or 2 (East Asian, emoji)
};

// The first character of `text`, which is not empty. A byte that begins none is one of its own: terminals
// show a sign in its place.
Character first_character(std::string_view text);

// How many bytes of `text`, from its start on, no terminal takes for an order: up to the first control
// character. Those are in ASCII and, for many terminals, also 0x80 to 0x9f, as UTF-8 or as single bytes.
usize harmless_bytes(std::string_view text);

// How many bytes at the end of `text` begin a character whose other bytes may still come; 0 if it
// ends with a whole one.
usize unfinished_bytes(std::string_view text);

// Where the character before, and the one after `position` begins, joining ones included;
// `position` at either end.
usize character_before(std::string_view text, usize position);
usize character_after(std::string_view text, usize position);

} // namespace vireo::shell
