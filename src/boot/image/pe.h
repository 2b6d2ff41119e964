// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo::boot {

// How long the file of an EFI program is, which begins with `head` and has its own headers at `offset`: where
// its last section ends. 0 if they do not say: they are no EFI program's, or not whole.
u64 pe_file_bytes(Bytes head, u32 offset);

} // namespace vireo::boot
