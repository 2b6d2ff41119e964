// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/fdt/tree.h"
#include "system/memory_map.h"

namespace vireo::machine::virt {

// Enters RAM, the reservation block and /reserved-memory into `map`. Called on the same tree before and after the image moves:
// a MemoryMap holds pointers to names, which do not survive the move. Returns the bytes of RAM that this board cannot
// address (a 32-bit board has no use for what lies above 4 GiB). Fails if the tree names no RAM.
Result<u64> describe_memory(const bus::fdt::Tree& tree, system::MemoryMap& map);

} // namespace vireo::machine::virt
