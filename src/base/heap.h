// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// A first-fit heap over one range of memory, with free neighbours merged. Firmware allocates rarely
// (devices, caches, directories), never in a hot path, so simple wins over fast. Damage to its bookkeeping
// is a defect of ours: panic.
class Heap {
  public:
    // Takes over [memory, memory + bytes), which stays its own for ever. Called once before
    // the first allocation.
    void initialise(std::byte* memory, usize bytes);

    // `bytes` of memory aligned to `alignment` (a power of two), not cleared; nullptr if there is none.
    void* allocate(usize bytes, usize alignment);
    // Gives back what `allocate` returned; nullptr is ignored. A block that is pinned becomes free
    // when it is not any more.
    void free(void* memory);

    // For bytes that a device may still reach when their owner is done with them: the block that they lie in
    // is not given to anybody else until unpin() has been called as often. False, and nothing is pinned: they
    // are not part of one allocated block.
    bool pin(Bytes bytes);
    void unpin(Bytes bytes);
    // All of `bytes` lie in the memory that is the heap's, allocated or not.
    bool owns(Bytes bytes) const;

    usize bytes_free() const;
    usize bytes_total() const { return total_; }

  private:
    struct Block;
    Block* block_around(Bytes bytes) const;
    void release(Block* block);
    Block* first_ = nullptr;
    usize total_ = 0;
};

// The heap behind operator new in the firmware.
Heap& firmware_heap();

} // namespace vireo
