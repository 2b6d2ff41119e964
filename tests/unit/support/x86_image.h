// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

#include <vector>

namespace vireo::test {

// The beginning of a bzImage, written field by field; what Debian 12's amd64 kernels say, if nothing is
// changed.
struct X86Image {
    u8 setup_sectors = 39;
    u32 paragraphs = 0x80000; // 8 MiB
    u16 protocol = 0x20f;
    u8 header_end = 0x6a; // behind 0x202
    u8 load_flags = 1;
    u32 initrd_most = 0x7fffffff;
    u32 alignment = 0x200000;
    u8 is_relocatable = 1;
    u16 more_load_flags = 0x7f;
    u32 command_line_most = 2047;
    u64 setup_data = 0;
    u64 preferred_address = 0x1000000;
    u32 memory_bytes = 0x3378000;

    // `file_bytes` below the header's end cut it off.
    std::vector<std::byte> bytes(usize file_bytes = 1024) const {
        std::vector<std::byte> image(std::max<usize>(file_bytes, 1024));
        auto put = [&](usize at, auto value) { std::memcpy(&image[at], &value, sizeof(value)); };
        put(0x1f1, setup_sectors);
        put(0x1f4, Le<u32>(paragraphs));
        put(0x1fa, Le<u16>(0xffff));
        put(0x1fe, Le<u16>(0xaa55));
        put(0x200, u8{0xeb});
        put(0x201, header_end);
        put(0x202, Be<u32>(0x48647253)); // "HdrS"
        put(0x206, Le<u16>(protocol));
        put(0x211, load_flags);
        put(0x214, Le<u32>(0x100000));
        put(0x22c, Le<u32>(initrd_most));
        put(0x230, Le<u32>(alignment));
        put(0x234, is_relocatable);
        put(0x235, u8{21});
        put(0x236, Le<u16>(more_load_flags));
        put(0x238, Le<u32>(command_line_most));
        put(0x250, Le<u64>(setup_data));
        put(0x258, Le<u64>(preferred_address));
        put(0x260, Le<u32>(memory_bytes));
        image.resize(file_bytes);
        return image;
    }
};

} // namespace vireo::test
