// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/heap.h"

namespace vireo::unpack {

// What a library works with: large blocks from memory that was lent, the rest from the heap. The functions
// fit the libraries' hooks.
class WorkMemory {
  public:
    // On the heap and at once; a file decides how much is asked for. That of `xz -9` fits.
    static constexpr usize most_from_heap = usize{80} << 20;

    explicit WorkMemory(MutableBytes lent);

    // Not cleared; nullptr: there is none.
    void* allocate(usize bytes);
    // nullptr is ignored.
    void release(void* block);

    static void* allocate_for(void* memory, usize bytes) {
        return static_cast<WorkMemory*>(memory)->allocate(bytes);
    }
    static void release_for(void* memory, void* block) { static_cast<WorkMemory*>(memory)->release(block); }

  private:
    Heap lent_;
    usize from_heap_ = 0;
};

} // namespace vireo::unpack
