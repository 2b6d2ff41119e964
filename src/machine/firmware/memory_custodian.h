// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/heap.h"
#include "dma/custodian.h"
#include "system/memory_map.h"

namespace vireo::machine {

// Firmware's memory has two owners that give it out: the heap and the memory map. A range of the heap pins
// its block; any other RAM is held in the map, so that no command is given it.
class MemoryCustodian final : public dma::Custodian {
  public:
    MemoryCustodian(Heap& heap, system::MemoryMap& memory) : heap_(heap), memory_(memory) {}

    bool keep(Bytes bytes) override;
    void give_back(Bytes bytes) override;

  private:
    Heap& heap_;
    system::MemoryMap& memory_;
};

} // namespace vireo::machine
