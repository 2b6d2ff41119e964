// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/description.h"
#include "boot/x86/boot_facts.h"

namespace vireo::boot {

// What PVH's start_info and Multiboot's information have in common.

using WriteInfo = Result<usize>(const BootFacts& facts, u64 address, MutableBytes into);

// For Description::most_bytes.
std::expected<u64, Failure> most_info_bytes(const Services& services);
// For Description::make: what `write` makes of the machine's facts.
std::expected<OwnedArray<u64>, Failure> make_info(const Services& services, Plan& plan, WriteInfo& write);

} // namespace vireo::boot
