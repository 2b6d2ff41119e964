// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/image/needs.h"

namespace vireo::boot {

// Kernels with a Multiboot header, version 0.6.96 and 2.0 of that specification, in an ELF file or, if the
// header itself says where the file belongs, in any. Only the first 8 and 32 KiB are looked at.

bool is_multiboot(Bytes file);
bool is_multiboot2(Bytes file);

// For KernelFormat. NotSupported: the header asks for something that is unknown, or not to be had here.
Result<Needs> read_multiboot(Bytes file, u64 ram);
Result<Needs> read_multiboot2(Bytes file, u64 ram);

} // namespace vireo::boot
