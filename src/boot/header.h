// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/boot.h"
#include "boot/image/needs.h"

namespace vireo::boot {

// What the kernel that begins with `file` asks for, if it is one that this machine starts:
// Unknown, CannotYet, Foreign or Header otherwise. `address`: where it lies, for the failure;
// nothing if it was not loaded yet.
std::expected<Needs, Failure> read_header(const Services& services, Bytes file, std::optional<u64> address);

} // namespace vireo::boot
