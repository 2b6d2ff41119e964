// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

#include <vector>

namespace vireo::test {

// A 32-bit Arm zImage, written field by field: a header, the table of sizes behind it, and at its end the
// size that the inflated kernel has.
struct ZImage {
    u32 start = 0;
    u32 file_bytes = 0x10000;
    u32 text_offset = 0x208000;
    u32 inflated_bytes = 0x100000;
    u32 bss_bytes = 0x60000;
    u32 words = 6;
    u32 tag = 0x5a534c4b;
    u32 table_magic = 0x45454545;
    u32 table_offset = 0x40;
    // Where the table says that the inflated size is.
    std::optional<u32> size_offset{};

    std::vector<std::byte> bytes(std::optional<usize> count = {}) const {
        std::vector<std::byte> image(std::max<usize>(file_bytes, 0x60));
        auto put = [&](usize at, u32 value) {
            Le<u32> word(value);
            std::memcpy(&image[at], &word, sizeof(word));
        };
        put(0x24, 0x016f2818);
        put(0x28, start);
        put(0x2c, start + file_bytes);
        put(0x30, 0x04030201);
        put(0x34, table_magic);
        put(0x38, table_offset);
        usize table = std::min<usize>(table_offset, image.size() - 24);
        put(table, words);
        put(table + 4, tag);
        put(table + 8, size_offset.value_or(static_cast<u32>(image.size()) - 4));
        put(table + 12, bss_bytes);
        put(table + 16, text_offset);
        put(table + 20, 0x10000);
        put(image.size() - 4, inflated_bytes);
        image.resize(count.value_or(image.size()));
        return image;
    }
};

} // namespace vireo::test
