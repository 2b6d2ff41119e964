// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/host.h"
#include "virtio/transport/transport.h"

namespace vireo::virtio {

// The VirtIO devices on a PCI bus, in the order of the bus.
class PciSource final : public TransportSource {
  public:
    explicit PciSource(bus::pci::Host& host) : host_(host) {}
    // Scans the bus for functions that are new. Devices in use are only read. One that cannot be driven is
    // skipped with a warning.
    void enumerate(Sink& sink) override;
    void quiesce() override { host_.stop_bus_masters(); }

  private:
    bus::pci::Host& host_;
};

// The device type that a function's ids stand for (section 4.1.2), 0 if it is no VirtIO device.
u32 pci_device_type(const bus::pci::Function& function);

// The VirtIO device that `function` is: through its modern structures if it has all that are needed,
// else, if it is a transitional one, through the legacy header. NotSupported, TooLarge (no room for a
// BAR), Corrupt, NoMemory.
Result<std::unique_ptr<Transport>> probe_pci(const bus::pci::Function& function);

} // namespace vireo::virtio
