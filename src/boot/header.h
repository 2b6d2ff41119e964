// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/boot.h"
#include "boot/kernel_formats.h"

namespace vireo::boot {

// A kernel that this machine starts.
struct Header {
    Needs needs;
    const KernelFormat& format;
};

// What the kernel that begins with `file` asks for: Unknown, CannotYet, Foreign or Header otherwise.
// `address`: where it lies, for the failure; nothing if it was not loaded yet.
std::expected<Header, Failure> read_header(const Services& services, Bytes file, std::optional<u64> address);

} // namespace vireo::boot
