// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/boot.h"

namespace vireo::boot {

// The bytes of a file in memory, as far as they lie in RAM that nobody owns; bytes 0: nobody knows how long
// it is, so all of that RAM. NotRam or NotFree, of the kernel: it does not begin there.
[[nodiscard]] std::expected<Bytes, Failure> free_bytes(const Services& services, const Range& file);

} // namespace vireo::boot
