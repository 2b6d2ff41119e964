// SPDX-License-Identifier: Apache-2.0
#include "boot/image/pe.h"

#include "base/endian.h"

namespace vireo::boot {

namespace {

// What of an EFI program's headers says how long the file is (PE Format, "COFF File Header" and "Section
// Table").
struct PeHeader {
    Be<u32> signature;
    Le<u16> machine;
    Le<u16> sections;
    Le<u32> unused[3];
    Le<u16> optional_bytes;
    Le<u16> characteristics;
};
static_assert(sizeof(PeHeader) == 24);

struct PeSection {
    char name[8];
    Le<u32> memory_bytes;
    Le<u32> memory_offset;
    Le<u32> file_bytes;
    Le<u32> file_offset;
    Le<u32> unused[4];
};
static_assert(sizeof(PeSection) == 40);

constexpr u32 pe_signature = 0x50450000; // "PE", 0, 0

} // namespace

u64 pe_file_bytes(Bytes head, u32 offset) {
    auto pe = read_struct<PeHeader>(head, offset);
    if (!pe || pe->signature != pe_signature)
        return 0;
    u64 end = 0;
    usize at = usize{offset} + sizeof(PeHeader) + pe->optional_bytes;
    for (unsigned i = 0; i < pe->sections; ++i, at += sizeof(PeSection)) {
        auto section = read_struct<PeSection>(head, at);
        if (!section)
            return 0;
        end = std::max(end, u64{section->file_offset} + section->file_bytes);
    }
    return end;
}

} // namespace vireo::boot
