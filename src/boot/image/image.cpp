// SPDX-License-Identifier: Apache-2.0
#include "boot/image/image.h"

#include "base/endian.h"

namespace vireo::boot {

namespace {

struct Magic {
    usize offset;
    std::string_view bytes;
    ImageKind kind;
};

using namespace std::string_view_literals;

// Kernels first: with a boot stub for EFI or as a zboot file they begin as EFI programs do.
constexpr Magic magics[] = {
    {4, "zimg"sv, ImageKind::EfiZboot},
    {0x38, "ARM\x64"sv, ImageKind::LinuxArm64},
    {0x38, "RSC\x05"sv, ImageKind::LinuxRiscv},
    {0x202, "HdrS"sv, ImageKind::LinuxX86},
    {0x24, "\x18\x28\x6f\x01"sv, ImageKind::LinuxArm},
    {0, "\x7f\x45LF"sv, ImageKind::Elf},
    {0, "\x27\x05\x19\x56"sv, ImageKind::UImage},
    {0, "\xd0\x0d\xfe\xed"sv, ImageKind::Tree},
    {0, "07070"sv, ImageKind::Cpio},
    {0, "\x1f\x8b"sv, ImageKind::Gzip},
    {0, "BZh"sv, ImageKind::Bzip2},
    {0, "\xfd\x37zXZ\0"sv, ImageKind::Xz},
    {0, "\x04\x22\x4d\x18"sv, ImageKind::Lz4},
    {0, "\x02\x21\x4c\x18"sv, ImageKind::Lz4Legacy},
    {0, "\x28\xb5\x2f\xfd"sv, ImageKind::Zstd},
    {0, "MZ"sv, ImageKind::EfiProgram},
};

static_assert(std::ranges::all_of(magics, [](const Magic& magic) {
    return magic.offset + magic.bytes.size() <= recognised_by_bytes;
}));

// It has no magic: the properties that everybody uses, a dictionary of whole 64 KiB, and a size of what is in
// it that is not known or below 256 GiB.
struct LzmaHeader {
    u8 properties;
    Le<u32> dictionary_bytes;
    Le<u64> bytes;
};
static_assert(sizeof(LzmaHeader) == 13);

bool is_lzma(Bytes head) {
    constexpr u8 usual_properties = 0x5d;
    auto header = read_struct<LzmaHeader>(head);
    return header && header->properties == usual_properties && header->dictionary_bytes != 0 &&
           header->dictionary_bytes % (1 << 16) == 0 &&
           (header->bytes == ~u64{0} || header->bytes < u64{1} << 38);
}

} // namespace

std::optional<ImageKind> recognise(Bytes head) {
    if (is_lzma(head))
        return ImageKind::Lzma;
    for (const Magic& magic : magics)
        if (head.size() >= magic.offset + magic.bytes.size() &&
            std::memcmp(head.data() + magic.offset, magic.bytes.data(), magic.bytes.size()) == 0)
            return magic.kind;
    return std::nullopt;
}

std::string_view name_of(ImageKind kind) {
    switch (kind) {
    case ImageKind::LinuxArm64:
        return "an arm64 Linux Image";
    case ImageKind::LinuxRiscv:
        return "a RISC-V Linux Image";
    case ImageKind::LinuxArm:
        return "a 32-bit Arm Linux zImage";
    case ImageKind::LinuxX86:
        return "an x86 Linux bzImage";
    case ImageKind::EfiZboot:
        return "a compressed EFI kernel (zboot)";
    case ImageKind::EfiProgram:
        return "an EFI program";
    case ImageKind::Elf:
        return "an ELF file";
    case ImageKind::Pvh:
        return "a PVH kernel";
    case ImageKind::Multiboot:
        return "a Multiboot kernel";
    case ImageKind::Multiboot2:
        return "a Multiboot2 kernel";
    case ImageKind::UImage:
        return "a uImage";
    case ImageKind::Tree:
        return "a device tree or FIT";
    case ImageKind::Cpio:
        return "a cpio archive (an initrd)";
    case ImageKind::Gzip:
        return "a gzip file";
    case ImageKind::Bzip2:
        return "a bzip2 file";
    case ImageKind::Xz:
        return "an xz file";
    case ImageKind::Lzma:
        return "an lzma file";
    case ImageKind::Lz4:
        return "an lz4 file";
    case ImageKind::Lz4Legacy:
        return "an lz4 file of the old form";
    case ImageKind::Zstd:
        return "a zstd file";
    }
    return "";
}

} // namespace vireo::boot
