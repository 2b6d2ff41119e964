// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

#include <vector>

namespace vireo::test {

// The beginning of an arm64 Image, written field by field; with `file_bytes` it is an EFI program of two
// sections of which the second ends there.
struct Arm64Image {
    u64 text_offset = 0;
    u64 image_bytes = 0x2010000;
    u64 flags = 0xa;
    u32 file_bytes = 0;
    u32 pe_offset = 0x40;
    u16 sections = 2;

    std::vector<std::byte> bytes(usize count = 1024) const {
        std::vector<std::byte> image(std::max<usize>(count, 1024));
        auto put = [&](usize at, auto value) { std::memcpy(&image[at], &value, sizeof(value)); };
        put(0, Be<u32>(0x4d5a40fa)); // "MZ", as an instruction
        put(8, Le<u64>(text_offset));
        put(16, Le<u64>(image_bytes));
        put(24, Le<u64>(flags));
        put(56, Be<u32>(0x41524d64)); // "ARM", 0x64
        put(60, Le<u32>(pe_offset));
        if (file_bytes != 0) {
            constexpr u16 optional_bytes = 160;
            put(pe_offset, Be<u32>(0x50450000));
            put(pe_offset + 6, Le<u16>(sections));
            put(pe_offset + 20, Le<u16>(optional_bytes));
            usize table = pe_offset + 24 + optional_bytes;
            put(table + 16, Le<u32>(0x1000)); // .text: size, then place
            put(table + 20, Le<u32>(0x10000));
            put(table + 40 + 16, Le<u32>(0x2000)); // .data
            put(table + 40 + 20, Le<u32>(file_bytes - 0x2000));
        }
        image.resize(count);
        return image;
    }
};

} // namespace vireo::test
