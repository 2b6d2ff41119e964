// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// The image's own layout, from the linker script (arch/<isa>/image.ld). Every board links at address 0, so
// that an offset into the image is an address in vireo.map. Hidden visibility: reached relative to the
// program counter, never through a table that is not yet relocated.
extern "C" {
#pragma GCC visibility push(hidden)
extern char vireo_image_start[];
extern char vireo_entry_end[]; // until here the image writes to itself before it moves
extern char vireo_text_end[];
extern char vireo_rodata_end[]; // of the pages of constants, relocated ones as well
extern char vireo_relr_start[]; // the RELR table, part of the file
extern char vireo_relr_end[];
extern char vireo_bss_start[]; // cleared at start-up
extern char vireo_bss_end[];
extern char vireo_guard[];       // below the stack: nothing is mapped there
extern char vireo_stack_start[]; // the stack
extern char vireo_image_end[];   // end of everything that the image occupies in memory

// Only arm, arm64 and riscv (common/image.ld).
extern char vireo_file_end[]; // of what the .bin holds
extern char vireo_tables[];   // page tables
extern char vireo_stack_end[];
extern char vireo_exception_stack_end[];
#pragma GCC visibility pop
}

namespace vireo::arch {

inline uptr image_address(const char* symbol) { return reinterpret_cast<uptr>(symbol); }
inline uptr image_base() { return image_address(vireo_image_start); }
// Bytes in memory and bytes in the file.
inline usize image_bytes() { return image_address(vireo_image_end) - image_base(); }
inline usize image_file_bytes() { return image_address(vireo_file_end) - image_base(); }

// Where pages begin that need not be executable.
inline uptr text_pages_end() { return (image_address(vireo_text_end) + 4095) & ~uptr{4095}; }

// True for an address of Vireo's own code.
inline bool is_text(uptr address) {
    return address >= image_base() && address < image_address(vireo_text_end);
}

} // namespace vireo::arch
