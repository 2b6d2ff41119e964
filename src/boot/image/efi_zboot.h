// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/range.h"
#include "base/result.h"

namespace vireo::boot {

// Where in an EFI program of Linux's kind "zboot" the packed kernel lies (Linux,
// drivers/firmware/efi/libstub, zboot-header.S). `head` begins as recognise() wants it. Corrupt: cut off,
// or nothing is packed.
Result<Range> packed_in_zboot(Bytes head);

} // namespace vireo::boot
