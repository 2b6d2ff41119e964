// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// From the entry of the image to its final place on arm, arm64 and riscv:
//
//   entry.S      one processor goes on, the image is in RAM and relocated for where it lies, bss clear, a stack;
//                arm and arm64: MMU and caches on, everything from 1 to 4 GiB taken for RAM
//   vireo_early  (machine) finds RAM and the device tree, copies the tree and the image to the top of RAM
//   move_to      into the copy, which starts with fresh static data: nothing that early code wrote is there
//   vireo_late   (machine) protects memory, finds the devices, starts the firmware
extern "C" {
#pragma GCC visibility push(hidden)
// `device_tree` is where the tree is by the machine's convention; `processor` is the hart's id (riscv).
[[noreturn]] void vireo_early(vireo::uptr device_tree, vireo::uptr processor);

// `handoff` points to what early code left on its stack, which nothing has overwritten yet.
[[noreturn]] void vireo_late(const void* handoff);
#pragma GCC visibility pop
}

namespace vireo::arch {

struct RamRange {
    u64 base;
    u64 bytes;
};

// A place for the image is a multiple of this, and the image there lies below 4 GiB where RAM permits.
extern const usize image_alignment;

// Runs `vireo_late` in the copy of the image that lies `distance` above the running one, on the stack of the
// copy. The copy has been made visible to instruction fetch.
[[noreturn]] void move_to(uptr distance, const void* handoff);

// Exceptions are reported from here on.
void install_vectors();

// arm, arm64: the final page tables. RAM in `ranges` is normal memory that is not executable but for Vireo's
// text; all else is device memory. Nothing to do on riscv.
void protect_memory(std::span<const RamRange> ranges);

// For `bdinfo`: the privilege that Vireo runs with, e.g. "EL2".
std::string_view privilege();

} // namespace vireo::arch
