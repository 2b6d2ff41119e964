// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/x86/boot_facts.h"

namespace vireo::boot {

// PVH's start_info, with what it points to, for a place at `address`, a multiple of 8 (Xen,
// xen/include/public/arch-x86/hvm/start_info.h, version 1). Returns how many bytes there are. `into` has
// BootFacts::most_bytes and room for the command line.
Result<usize> write_start_info(const BootFacts& facts, u64 address, MutableBytes into);

} // namespace vireo::boot
