// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/function.h"

namespace vireo::virtio {

// What lies behind a function's BARs, reached through its configuration space (section 4.1.4.9): for BARs
// that found no room. Four accesses for each one to another register than the last, and no notification data.
// Nobody else uses the capability meanwhile.
class PciConfigWindow final : public io::IndirectRegisters {
  public:
    // `capability`: the offset of a VIRTIO_PCI_CAP_PCI_CFG, all of it inside configuration space. `function`
    // outlives this object.
    PciConfigWindow(const bus::pci::Function& function, u8 capability)
        : function_(function), capability_(capability) {}

    // The start of a BAR as the window knows it.
    static constexpr u64 address_of(unsigned bar) { return u64{bar} << 32; }
    u32 read(u64 address, u8 width) override;
    void write(u64 address, u8 width, u32 value) override;

  private:
    u8 field(usize offset) const;
    // Points the window at `width` bytes.
    void select(u64 address, u8 width);

    const bus::pci::Function& function_;
    u8 capability_;
    u8 width_ = 0; // what was read last; 0: where the window points is not certain
    u64 address_ = 0;
};

} // namespace vireo::virtio
