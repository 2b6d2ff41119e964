// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

#include <vector>

namespace vireo::test {

inline void put_word(std::vector<std::byte>& file, usize at, u32 value) {
    Le<u32> word = value;
    std::memcpy(&file[at], &word, sizeof(word));
}

// A Multiboot header of the first version, at `at` of a file.
inline void put_multiboot(std::vector<std::byte>& file, usize at, u32 flags,
                          std::vector<u32> addresses = {}) {
    put_word(file, at, 0x1badb002);
    put_word(file, at + 4, flags);
    put_word(file, at + 8, 0u - 0x1badb002 - flags);
    for (usize i = 0; i < addresses.size(); ++i)
        put_word(file, at + 12 + 4 * i, addresses[i]);
}

// One of the second version with those words behind its first four; the end goes behind them, if it is to.
inline void put_multiboot2(std::vector<std::byte>& file, usize at, std::vector<u32> tags, bool has_end = true,
                           u32 architecture = 0) {
    if (has_end)
        tags.insert(tags.end(), {0, 8});
    u32 bytes = static_cast<u32>(16 + 4 * tags.size());
    put_word(file, at, 0xe85250d6);
    put_word(file, at + 4, architecture);
    put_word(file, at + 8, bytes);
    put_word(file, at + 12, 0u - 0xe85250d6 - architecture - bytes);
    for (usize i = 0; i < tags.size(); ++i)
        put_word(file, at + 16 + 4 * i, tags[i]);
}

} // namespace vireo::test
