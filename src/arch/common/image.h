// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// The image's own layout, from the linker script (arch/<isa>/image.ld). Every board links at address 0, so that an
// offset into the image is an address in vireo.map. Hidden visibility: reached relative to the program counter, never
// through a table that is not yet relocated.
//
//   image_start  text  text_end  rodata  rodata_end  data, relocation table  file_end = bss_start  bss  bss_end
extern "C" {
#pragma GCC visibility push(hidden)
extern char vireo_image_start[]; // page-aligned; the entry is the first instruction
extern char vireo_text_end[];    // page-aligned
extern char vireo_rodata_end[];  // page-aligned
extern char vireo_file_end[];    // end of what the .bin holds; word-aligned
extern char vireo_bss_start[];   // = file_end
extern char vireo_bss_end[];     // end of the image in memory; page-aligned
extern char vireo_relr_start[];  // the RELR table, part of the file
extern char vireo_relr_end[];
#pragma GCC visibility pop
}

namespace vireo::arch {

inline uptr image_address(const char* symbol) { return reinterpret_cast<uptr>(symbol); }
inline uptr image_base() { return image_address(vireo_image_start); }
// Bytes in memory and bytes in the file.
inline usize image_bytes() { return image_address(vireo_bss_end) - image_base(); }
inline usize image_file_bytes() { return image_address(vireo_file_end) - image_base(); }

// True for an address of Vireo's own code.
inline bool is_text(uptr address) { return address >= image_base() && address < image_address(vireo_text_end); }

} // namespace vireo::arch
