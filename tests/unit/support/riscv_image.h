// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

#include <vector>

namespace vireo::test {

// The beginning of a RISC-V Image, written field by field; with `file_bytes` it is an EFI
// program of one section.
struct RiscvImage {
    u64 text_offset = 0x200000;
    u64 image_bytes = 0x1e6c000;
    u64 flags = 0;
    u32 version = 2;
    u32 file_bytes = 0;

    std::vector<std::byte> bytes(usize count = 1024) const {
        std::vector<std::byte> image(1024);
        auto put = [&](usize at, auto value) { std::memcpy(&image[at], &value, sizeof(value)); };
        put(8, Le<u64>(text_offset));
        put(16, Le<u64>(image_bytes));
        put(24, Le<u64>(flags));
        put(32, Le<u32>(version));
        put(48, Be<u64>(0x5249534356000000)); // "RISCV", of old
        put(56, Be<u32>(0x52534305));         // "RSC", 5
        put(60, Le<u32>(0x40));
        if (file_bytes != 0) {
            put(0x40, Be<u32>(0x50450000));
            put(0x46, Le<u16>(1));
            put(0x58 + 16, Le<u32>(file_bytes - 0x1000));
            put(0x58 + 20, Le<u32>(0x1000));
        }
        image.resize(count);
        return image;
    }
};

} // namespace vireo::test
