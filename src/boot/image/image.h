// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::boot {

// What the beginning of a file says that it is. Never its name.
enum class ImageKind : u8 {
    LinuxArm64, // Image
    LinuxRiscv, // Image
    LinuxArm,   // zImage
    LinuxX86,   // bzImage
    EfiZboot,   // a compressed Image inside an EFI program
    EfiProgram,
    Elf,
    Pvh, // these three are not told from an ELF file, or from anything, by its beginning alone
    Multiboot,
    Multiboot2,
    UImage, // U-Boot's own, of old
    Tree,   // a device tree; a FIT is one
    Cpio,
    Gzip,
    Bzip2,
    Xz,
    Lzma,
    Lz4,
    Lz4Legacy,
    Zstd
};

// So many bytes of a file, or all that it has, are what recognise() wants to see.
inline constexpr usize recognised_by_bytes = 1024;

// Nothing: no kind that is known. For kinds that say two things (an Image that is an EFI program too) the one
// that can be booted without firmware services.
std::optional<ImageKind> recognise(Bytes head);

// With its article, for a sentence: "a gzip file".
std::string_view name_of(ImageKind kind);

} // namespace vireo::boot
