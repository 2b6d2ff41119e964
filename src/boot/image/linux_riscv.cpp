// SPDX-License-Identifier: Apache-2.0
#include "boot/image/linux_riscv.h"

#include "base/endian.h"
#include "boot/image/pe.h"

namespace vireo::boot {

namespace {

// The first 64 bytes (boot-image-header.rst).
struct ImageHeader {
    Le<u32> code[2];
    Le<u64> text_offset;
    Le<u64> image_size;
    Le<u64> flags;
    Le<u32> version; // its upper half is another header
    Le<u32> reserved;
    Le<u64> reserved2;
    Le<u64> old_magic;
    Le<u32> magic;
    Le<u32> pe_offset; // where the EFI program's own header is
};
static_assert(sizeof(ImageHeader) == 64);
constexpr u64 big_endian = 1;

constexpr u64 MiB = 1 << 20;
constexpr u64 GiB = 1 << 30;
constexpr u64 tree_slot = 2 * MiB;

// `low_end`: Linux reaches its initrd and tree below that.
Result<Needs> read(Bytes file, u64 ram, u64 boundary, u64 low_end, u64 tree_end) {
    Bytes head = file.first(std::min(file.size(), recognised_by_bytes));
    auto header = read_struct<ImageHeader>(head);
    if (!header)
        return error(ErrorCode::Corrupt, "the header is cut off");
    if ((header->flags & big_endian) != 0)
        return error(ErrorCode::NotSupported, "it is big-endian");
    if (header->version >> 16 != 0)
        return error(ErrorCode::NotSupported, "its header is of version {}", header->version >> 16);
    if (header->image_size == 0)
        return error(ErrorCode::Corrupt, "the header does not say how much memory the kernel takes");
    return Needs{.kind = ImageKind::LinuxRiscv,
                 .file_bytes = pe_file_bytes(head, header->pe_offset),
                 .image_bytes = header->image_size,
                 // At the very start lies the firmware below, and what Linux before 6.4 has
                 // below itself is lost.
                 .kernel = {.alignment = boundary,
                            .skew = header->text_offset & (boundary - 1),
                            .lowest = ram + boundary,
                            .end = low_end},
                 .initrd = {.alignment = 4096, .lowest = ram, .end = low_end},
                 .description = {.alignment = tree_slot, .lowest = ram, .end = tree_end}};
}

} // namespace

// It maps one GiB of RAM, less the last page, whose addresses would be error numbers.
Result<Needs> read_linux_riscv32(Bytes file, u64 ram) {
    u64 end = ram + GiB - 4096;
    return read(file, ram, 4 * MiB, end, end);
}

Result<Needs> read_linux_riscv64(Bytes file, u64 ram) { return read(file, ram, 2 * MiB, ~u64{0}, 4 * GiB); }

} // namespace vireo::boot
