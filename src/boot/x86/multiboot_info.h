// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/x86/boot_facts.h"

namespace vireo::boot {

// What a Multiboot kernel is told, for a place at `address`, a multiple of 8 and below 4 GiB (Multiboot
// 0.6.96, section 3.3, and 2.0, section 3.6): memory, command line, the loader's name, the initrd as a
// module, and in the second one ACPI's root pointer. No screen, no drives, no symbols. Returns how many bytes
// there are. `into` has BootFacts::most_bytes and room for the command line.
Result<usize> write_multiboot_info(const BootFacts& facts, u64 address, MutableBytes into);
Result<usize> write_multiboot2_info(const BootFacts& facts, u64 address, MutableBytes into);

} // namespace vireo::boot
