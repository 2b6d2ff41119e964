// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

#include <string>
#include <vector>

namespace vireo::test {

// An ELF file, written field by field; a program of two segments for i386, if nothing is changed.
struct ElfImage {
    struct Part {
        u32 type = 1;
        u64 offset = 0;
        u64 virtual_address = 0;
        u64 address = 0;
        u64 file_bytes = 0;
        u64 memory_bytes = 0;
    };
    bool is_wide = false;
    u8 width = 0; // 0: as is_wide has it
    u8 byte_order = 1;
    u16 machine = 3;
    u64 entry = 0x100010;
    u16 entry_bytes = 0; // of the table; 0: as it should be
    u64 table = 0;       // 0: behind the header
    std::vector<Part> parts = {{1, 0x1000, 0x100000, 0x100000, 0x800, 0x800},
                               {1, 0x1800, 0x101000, 0x101000, 0x400, 0x2000}};
    std::vector<Part> sections{}; // type 8: without bytes in the file; virtual_address has the flags
    usize bytes_there = 0x2000;

    std::vector<std::byte> bytes() const {
        std::vector<std::byte> file(0x4000);
        auto put = [&](usize at, auto value) { std::memcpy(&file[at], &value, sizeof(value)); };
        auto address = [&](usize& at, u64 value) {
            is_wide ? put(at, Le<u64>(value)) : put(at, Le<u32>(static_cast<u32>(value)));
            at += is_wide ? 8u : 4u;
        };
        usize header_bytes = is_wide ? 64 : 52;
        usize part_bytes = is_wide ? 56 : 32;
        usize sections_at = 0x3000;
        put(0, Be<u32>(0x7f454c46));
        put(4, static_cast<u8>(width != 0 ? width : is_wide ? 2 : 1));
        put(5, byte_order);
        put(18, Le<u16>(machine));
        usize at = 24;
        address(at, entry);
        address(at, table != 0 ? table : header_bytes);
        address(at, sections.empty() ? 0 : sections_at);
        at += 4;
        put(at, Le<u16>(static_cast<u16>(header_bytes)));
        put(at + 2, Le<u16>(entry_bytes != 0 ? entry_bytes : static_cast<u16>(part_bytes)));
        put(at + 4, Le<u16>(static_cast<u16>(parts.size())));
        put(at + 6, Le<u16>(is_wide ? u16{64} : u16{40}));
        put(at + 8, Le<u16>(static_cast<u16>(sections.size())));
        at = header_bytes;
        for (const Part& part : parts) {
            put(at, Le<u32>(part.type));
            usize next = at + (is_wide ? 8 : 4);
            for (u64 value :
                 {part.offset, part.virtual_address, part.address, part.file_bytes, part.memory_bytes})
                address(next, value);
            at += part_bytes;
        }
        at = sections_at;
        for (const Part& part : sections) {
            if (at + 64 > file.size())
                break; // more than there is room for: the table is cut off
            put(at + 4, Le<u32>(part.type));
            usize next = at + 8;
            for (u64 value : {part.virtual_address, part.address, part.offset, part.memory_bytes})
                address(next, value);
            at += is_wide ? 64 : 40;
        }
        file.resize(sections.empty() ? bytes_there : file.size());
        return file;
    }

    // With a note of PVH's at 0x1100, of so many bytes in all.
    static std::vector<std::byte> with_note(ElfImage image, u64 value, u32 value_bytes, u32 kind = 18,
                                            const std::string& owner = "Xen") {
        image.parts.push_back({4, 0x1100, 0, 0, 0x40, 0x40});
        auto file = image.bytes();
        auto put = [&](usize at, auto number) { std::memcpy(&file[at], &number, sizeof(number)); };
        // Another one goes before it.
        put(0x1100, Le<u32>(2));
        put(0x1104, Le<u32>(1));
        put(0x1108, Le<u32>(18));
        put(0x1114, Le<u32>(static_cast<u32>(owner.size()) + 1));
        put(0x1118, Le<u32>(value_bytes));
        put(0x111c, Le<u32>(kind));
        std::memcpy(&file[0x1120], owner.c_str(), owner.size() + 1);
        put(0x1120 + align_up<usize>(owner.size() + 1, 4), Le<u64>(value));
        return file;
    }
};

} // namespace vireo::test
