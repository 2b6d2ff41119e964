// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "boot/image/needs.h"

namespace vireo::boot {

// What a RISC-V Image asks for (Linux, Documentation/arch/riscv/boot.rst and boot-image-header.rst): it lies
// above the start of RAM, on a boundary of its largest pages, 4 MiB on 32 bits and 2 MiB on 64. Corrupt:
// `file` ends before the header does, or that does not say how much memory the kernel takes. NotSupported: it
// is big-endian, or has a header of a later kind.
Result<Needs> read_linux_riscv32(Bytes file, u64 ram);
Result<Needs> read_linux_riscv64(Bytes file, u64 ram);

} // namespace vireo::boot
