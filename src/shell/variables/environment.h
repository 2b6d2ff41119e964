// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"

namespace vireo::shell {

// Variables, in memory, sorted by name. A name is not empty and has no '=' and no blank or control character;
// a value is any text without zero bytes. Bounded: what does not fit is refused and nothing changes.
class Environment {
  public:
    static constexpr usize max_bytes = 256 * 1024 - 4; // as U-Boot's, which keeps 4 bytes for a checksum

    // The value, valid until the next change of any variable.
    std::optional<std::string_view> get(std::string_view name) const;

    // Stores a variable, with an empty value too. Neither text may lie in this environment.
    // Errors: InvalidArgument (a bad name), TooLarge, NoMemory.
    Result<> store(std::string_view name, std::string_view value);

    // The same for commands whose result is a variable: no result, no variable.
    Result<> set(std::string_view name, std::string_view value);
    Result<> set_hex(std::string_view name,
                     u64 value); // lower case, without 0x, as U-Boot's commands write it

    // True if there was one.
    bool remove(std::string_view name);
    void clear() { used_ = 0; }

    // Walks the variables in order: start with 0; empty at the end. `cursor` is valid until the next change.
    struct Variable {
        std::string_view name;
        std::string_view value;
    };
    std::optional<Variable> next(usize& cursor) const;

    // Bytes that "name=value" and a zero take for all, and the zero at the end.
    usize bytes() const { return used_ + 1; }

    Environment() = default;
    Environment(Environment&& other) noexcept
        : text_(std::move(other.text_)), used_(std::exchange(other.used_, 0)) {}
    Environment& operator=(Environment&& other) noexcept {
        text_ = std::move(other.text_);
        used_ = std::exchange(other.used_, 0);
        return *this;
    }

  private:
    // Where the variable is, or would be inserted.
    usize locate(std::string_view name, bool& found) const;
    Result<> reserve(usize bytes);
    OwnedArray<char> text_; // "name=value\0" one after the other
    usize used_ = 0;
};

// Why `name` cannot be a variable's name: the character, or 0 if it can (and the name is not empty).
char bad_name_character(std::string_view name);

} // namespace vireo::shell
