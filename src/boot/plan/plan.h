// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/range.h"
#include "boot/image/image.h"
#include "boot/image/segments.h"

namespace vireo::boot {

// One part of what is booted: where its bytes are now, and where the operating system gets them.
struct Placed {
    Range now;   // what has been loaded
    Range place; // begins with those bytes; may be larger: a kernel's zeroed data
    bool moves() const { return now.base != place.base; }
};

// Everything about a boot, decided before anything is moved.
struct Plan {
    ImageKind kind{};
    std::optional<ImageKind> wrapper{}; // that the kernel lay in, the outermost
    Placed kernel;
    Segments segments{}; // of the file at kernel.now, where each belongs; empty: it is moved as a whole
    // Where that file goes before its segments are copied out of it, if they would be written over it.
    std::optional<u64> staging{};
    u64 entry = 0;
    bool in_32_bit_mode = false; // of a 64-bit processor
    std::optional<Placed> initrd{};
    Range description{};                            // where what the kernel is told goes; programs: nothing
    std::optional<std::string_view> command_line{}; // none: the tree's is kept
    std::string_view added_words{}; // the end of it: what this machine takes, and nobody asked for
};

} // namespace vireo::boot
