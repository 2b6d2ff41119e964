// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/range.h"
#include "boot/image/image.h"
#include "boot/image/segments.h"

namespace vireo::boot {

// What a kernel wants of memory, by its header and by the boot protocol of its architecture, in numbers:
// what placement works with. Addresses are physical, ends exclusive, sizes in bytes.
struct Needs {
    // Where something may lie: `skew` above a multiple of `alignment`, a power of two.
    struct Where {
        u64 alignment = 1;
        u64 skew = 0;
        u64 lowest = 0;
        u64 end = ~u64{0};
    };

    ImageKind kind{};
    // Of the file, what stays behind: x86's real-mode part. The rest is the kernel.
    u64 skipped_bytes = 0;
    // Of the whole file, as it says itself: one that is shorter was cut. 0: it does not say.
    u64 file_bytes = 0;
    // What file_bytes, if it says something, has been rounded up by at most.
    u64 rounded_by = 0;
    // That the kernel takes from its first byte on, more than the file has: zeroed data follows. Never 0.
    u64 image_bytes = 0;
    u64 entry_offset = 0;        // of its first instruction
    bool in_32_bit_mode = false; // of a 64-bit processor: that is where the entry is for
    Where kernel{};
    Where initrd{.alignment = 4096};
    // What the kernel is told about the machine lies within one block of `description.alignment` bytes.
    Where description{};
    // The kernel and its initrd lie in so much memory, which begins at a multiple of 1 GiB. 0: anywhere.
    u64 reach = 0;
    // RAM that the kernel unpacks itself to before it reads anything else: nothing lies there.
    Range unpacks{};
    // A file in pieces, each for one place: the kernel is all from the first one's beginning to the last
    // one's end. Empty: it is one piece.
    Segments segments{};
    bool is_initrd_aligned = false;  // it has to be, even where it was loaded to
    bool is_description_low = false; // as low as possible, for kernels that reach little at first
    bool is_told = true;             // there is a description
};

} // namespace vireo::boot
