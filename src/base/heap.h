// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// A first-fit heap over one range of memory, with free neighbours merged. Firmware allocates rarely (devices, caches,
// directories), never in a hot path, so simple wins over fast. Damage to its bookkeeping is a defect of ours: panic.
class Heap {
  public:
    // Takes over [memory, memory + bytes), which stays its own for ever. Called once before the first allocation.
    void initialise(std::byte* memory, usize bytes);

    // `bytes` of memory aligned to `alignment` (a power of two), not cleared; nullptr if there is none.
    void* allocate(usize bytes, usize alignment);
    // Gives back what `allocate` returned; nullptr is ignored.
    void free(void* memory);

    usize bytes_free() const;
    usize bytes_total() const { return total_; }

  private:
    struct Block;
    Block* first_ = nullptr;
    usize total_ = 0;
};

// The heap behind operator new in the firmware.
Heap& firmware_heap();

} // namespace vireo
