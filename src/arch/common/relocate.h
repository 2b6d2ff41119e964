// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// All are called before the image is relocated, with nothing but arguments: they touch no static data, and
// but for x86 make no unaligned access. C names because entry assembly calls them too.
extern "C" {

// Adds `delta` to each word of the image at `base` that its RELR table [table, table_end) names. `base` is
// where the words lie now, which need not be where the running code lies.
void vireo_apply_relr(vireo::uptr base, const vireo::uptr* table, const vireo::uptr* table_end,
                      vireo::uptr delta);

// The same for x86 (32-bit), whose code has absolute addresses at any byte (decision 0034): `table` is in the
// packed format that LLD writes for Android, and names relative relocations only. The distance is `base`,
// since images are linked at 0.
void vireo_apply_packed(vireo::uptr base, const vireo::u8* table);

// Copies the running image (which is relocated for its own place) to `target`, relocates the copy and clears
// its bss. `target` is page-aligned, has image_bytes() and does not overlap the running image. The caller
// makes the copy visible to instruction fetch (arch::sync_instruction_cache) and jumps: an address in the
// copy is the same symbol's plus the returned distance.
vireo::uptr vireo_copy_image(vireo::uptr target);
}
