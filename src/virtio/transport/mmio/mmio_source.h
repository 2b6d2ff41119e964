// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "virtio/transport/transport.h"

namespace vireo::virtio {

// A slot of the platform bus where a VirtIO MMIO device may sit: where its registers lie for the processor.
struct MmioSlot {
    u64 base = 0;
    u64 bytes = 0;
};

// The VirtIO devices in a machine's MMIO slots, in the order of the slots.
class MmioSource final : public TransportSource {
  public:
    // The slots live as long as the source.
    explicit MmioSource(std::span<const MmioSlot> slots) : slots_(slots) {}
    // Reads MagicValue, Version and DeviceID of each slot and writes nothing, so devices in use are not
    // disturbed. An empty slot (DeviceID 0) is silent; one that makes no sense is skipped with a warning.
    void enumerate(Sink& sink) override;

  private:
    std::span<const MmioSlot> slots_;
};

// The device in one slot. NotFound: the slot is empty, which is no error. NotSupported: no VirtIO registers,
// an unknown version, or out of the processor's reach. NoMemory.
Result<std::unique_ptr<Transport>> probe_mmio(const MmioSlot& slot);

} // namespace vireo::virtio
