// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/range.h"
#include "base/result.h"

namespace vireo::boot {

// U-Boot's image format of old: a header of 64 bytes, big-endian, and what it speaks of right behind it. The
// numbers are those of U-Boot's documentation.
struct UImage {
    enum class Type : u8 {
        Standalone = 1,
        Kernel = 2,
        Ramdisk = 3,
        Multi = 4,
        Firmware = 5,
        Script = 6,
        FlatTree = 8,
        KernelNoLoad = 14
    };
    static constexpr usize header_bytes = 64;
    static constexpr u8 no_compression = 0;

    // As the file has them; a type, machine or operating system may be one that is not known.
    Type type{};
    u8 os = 0;
    u8 architecture = 0;
    u8 compression = 0;
    u32 data_bytes = 0; // behind the header
    u32 load = 0;
    u32 entry = 0;
    u32 data_checksum = 0;
    std::array<char, 32> name_bytes{};

    // Empty, or not ended: the field may be full.
    std::string_view name() const;
    // "AArch64", "Linux", "Kernel Image", "gzip compressed"; "Unknown ..." for a number that is not known.
    std::string_view architecture_name() const;
    std::string_view os_name() const;
    std::string_view type_name() const;
    std::string_view compression_name() const;

    // `head` begins as recognise() wants it. Corrupt: cut off, or the header's checksum is wrong.
    static Result<UImage> read(Bytes head);
    // The checksum of what is behind the header; Corrupt. `file` has all of it.
    Result<> verify(Bytes file) const;
};

// The parts of a uImage of type Multi: their sizes, ended by 0, then each from a multiple of four bytes on.
struct UImageParts {
    static constexpr usize most = 8;
    std::array<Range, most> ranges{}; // from the beginning of the file
    usize count = 0;

    // `file` has all of it. Corrupt: no part, or one that reaches beyond the file. TooLarge:
    // more than `most`.
    static Result<UImageParts> read(const UImage& image, Bytes file);
};

} // namespace vireo::boot
