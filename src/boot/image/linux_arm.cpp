// SPDX-License-Identifier: Apache-2.0
#include "boot/image/linux_arm.h"

#include "base/endian.h"

namespace vireo::boot {

namespace {

struct ZImageHeader {
    Le<u32> code[9];
    Le<u32> magic;
    Le<u32> start;
    Le<u32> end; // of the file, less `start`
    Le<u32> byte_order;
    Le<u32> table_magic; // there is a table, and the next word says where
    Le<u32> table_offset;
};
static_assert(sizeof(ZImageHeader) == 0x3c);
constexpr u32 has_table = 0x45454545;

// The record of the table that says how large the kernel gets. Older ones end before text_offset.
struct SizeRecord {
    Le<u32> words;
    Le<u32> tag;
    Le<u32> inflated_bytes_offset; // in the file, where the compressor left the size
    Le<u32> bss_bytes;
    Le<u32> text_offset;
    Le<u32> heap_bytes; // that inflating takes behind the file
};
constexpr u32 size_tag = 0x5a534c4b; // "KLSZ"

constexpr u64 MiB = 1 << 20;
constexpr u64 unknown_inflated = 32 * MiB;
// From the start of RAM to the kernel's code: page tables and, on some machines, memory of others.
constexpr u64 usual_text_offset = 0x208000;
// Data, stack and heap of what inflates.
constexpr u64 inflating = 256 * 1024;
// It takes RAM to begin at the multiple of 128 MiB below itself.
constexpr u64 reach = 128 * MiB;
// What every kernel maps from the start, with the usual split of addresses.
constexpr u64 low_memory = 760 * MiB;
constexpr u64 tree_slot = 2 * MiB;

// How far from the start of RAM it unpacks itself; nothing if it does not say.
std::optional<u64> unpacked_bytes(const ZImageHeader& header, Bytes file) {
    if (header.table_magic != has_table)
        return std::nullopt;
    auto record = read_struct<SizeRecord>(file, header.table_offset);
    if (!record || record->tag != size_tag || record->words < sizeof(SizeRecord) / sizeof(u32))
        return std::nullopt;
    auto inflated = read_struct<Le<u32>>(file, record->inflated_bytes_offset);
    if (!inflated || *inflated == 0)
        return std::nullopt;
    return u64{record->text_offset} + *inflated + record->bss_bytes;
}

} // namespace

Result<Needs> read_linux_arm(Bytes file, u64 ram) {
    auto header = read_struct<ZImageHeader>(file);
    if (!header)
        return error(ErrorCode::Corrupt, "the header is cut off");
    if (header->end <= header->start)
        return error(ErrorCode::Corrupt, "the header says that it ends before it begins");
    u64 bytes = u64{header->end} - header->start;
    u64 unpacked = unpacked_bytes(*header, file).value_or(usual_text_offset + unknown_inflated);
    return Needs{.kind = ImageKind::LinuxArm,
                 .file_bytes = bytes,
                 .image_bytes = bytes + inflating,
                 .kernel = {.alignment = 4096, .lowest = ram + unpacked, .end = ram + reach},
                 .initrd = {.alignment = 4096, .lowest = ram, .end = ram + low_memory},
                 .description = {.alignment = tree_slot, .lowest = ram, .end = ram + low_memory},
                 .unpacks = {ram, unpacked}};
}

} // namespace vireo::boot
