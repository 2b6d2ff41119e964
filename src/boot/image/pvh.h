// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/image/needs.h"

namespace vireo::boot {

// A kernel with PVH's entry (Xen, docs/misc/pvh.pandoc): an ELF file for x86 whose note
// XEN_ELFNOTE_PHYS32_ENTRY says where 32-bit code without translation begins. Linux' vmlinux is one.

// Also of a file that is cut off where it could be known.
bool is_pvh(Bytes file);
// For KernelFormat.
Result<Needs> read_pvh(Bytes file, u64 ram);

} // namespace vireo::boot
