// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "boot/image/needs.h"

namespace vireo::boot {

// What the header of an arm64 Image says (Linux, Documentation/arch/arm64/booting.rst).
struct LinuxArm64 {
    // From such a boundary the image lies text_offset bytes away, where its first instruction is.
    static constexpr u64 boundary = 2 << 20;

    u64 text_offset = 0;
    // That the kernel takes from there on, more than the file has: zeroed data follows. Never 0.
    u64 image_bytes = 0;
    // Of the file, as its EFI header has it: one that is shorter was cut, and behind a signed one its
    // signature follows. 0: it has no such header.
    u64 file_bytes = 0;

    // `head` is the beginning of a file that recognise() takes for one. Corrupt: it is cut off, or says
    // nothing that can be. NotSupported: it is big-endian.
    static Result<LinuxArm64> read(Bytes head);

    Needs needs() const;
};

// What an arm64 Image asks for, wherever RAM begins.
Result<Needs> read_linux_arm64(Bytes file, u64 ram);

} // namespace vireo::boot
