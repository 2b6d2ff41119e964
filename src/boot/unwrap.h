// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/boot.h"

namespace vireo::boot {

// What a file was wrapped around.
struct Unwrapped {
    Range kernel;                       // bytes 0: nobody knows
    std::optional<Range> initrd{};      // that the kernel came with, in a uImage of several files
    std::optional<Range> tree{};        // the same
    std::optional<ImageKind> wrapper{}; // the outermost
};

// How many wrappers may lie around each other: a uImage around a zboot kernel in a gzip file has four.
inline constexpr unsigned most_wrappers = 4;

// Whether a file of that kind is wrapped around something: what unwrap() takes off.
[[nodiscard]] bool is_wrapper(ImageKind kind);

// Takes off what is wrapped around `request.kernel`, which may be nothing. What is packed is unpacked to RAM
// that nobody owns, off the files of `request`, where the kernel may run if it says where; its checksums are
// verified. Nothing else is written.
[[nodiscard]] std::expected<Unwrapped, Failure> unwrap(const Services& services, const Request& request);

// The same for an initrd: only the header of a uImage is taken off, for kernels unpack it themselves.
[[nodiscard]] std::expected<Range, Failure> unwrap_initrd(const Services& services, const Request& request,
                                                          const Range& initrd);

} // namespace vireo::boot
