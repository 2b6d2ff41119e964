// SPDX-License-Identifier: Apache-2.0
#include "boot/image/linux_arm64.h"

#include "base/endian.h"
#include "boot/image/pe.h"

namespace vireo::boot {

namespace {

// The first 64 bytes (booting.rst, 4).
struct ImageHeader {
    Le<u32> code[2];
    Le<u64> text_offset;
    Le<u64> image_size;
    Le<u64> flags;
    Le<u64> reserved[3];
    Le<u32> magic;
    Le<u32> pe_offset; // where the EFI program's own header is
};
static_assert(sizeof(ImageHeader) == 64);

} // namespace

Result<LinuxArm64> LinuxArm64::read(Bytes head) {
    auto header = read_struct<ImageHeader>(head);
    if (!header)
        return error(ErrorCode::Corrupt, "the header is cut off");
    // Before Linux 3.17 nothing said how much it takes, and text_offset was of either byte order.
    if (header->image_size == 0)
        return LinuxArm64{.text_offset = 0x80000, .image_bytes = 16 << 20, .file_bytes = 0};
    return LinuxArm64{.text_offset = header->text_offset,
                      .image_bytes = header->image_size,
                      .file_bytes = pe_file_bytes(head, header->pe_offset)};
}

Needs LinuxArm64::needs() const {
    constexpr u64 reach = u64{32} << 30;
    // Linux maps its tree before it knows RAM: in one block of that size.
    constexpr u64 tree_slot = 2 << 20;
    return {.kind = ImageKind::LinuxArm64,
            .file_bytes = file_bytes,
            .image_bytes = image_bytes,
            .kernel = {.alignment = boundary, .skew = text_offset & (boundary - 1)},
            .description = {.alignment = tree_slot},
            .reach = reach};
}

Result<Needs> read_linux_arm64(Bytes file, u64) {
    auto header = LinuxArm64::read(file.first(std::min(file.size(), recognised_by_bytes)));
    if (!header)
        return header.error();
    return header->needs();
}

} // namespace vireo::boot
