// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/host_description.h"
#include "io/window.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

// The machine that vireo-hosted runs on: disks backed by files and an entropy source fed by the host, behind
// a fake bus, in real time.
namespace vireo::hosted {

struct DemoOptions {
    enum class Bus { Mmio, Pci };
    Bus bus = Bus::Pci;
    bool legacy = false;              // MMIO: version 1; PCI: no modern capabilities
    std::vector<std::string> disks{}; // files; one that cannot be opened for writing becomes a read-only disk
    bool entropy = true;
};

class DemoMachine {
  public:
    // Builds the machine; empty, with a one-line text in `problem`, if a file cannot be opened. Switches to
    // the real clock and prints what the referee has to say on standard error.
    static std::unique_ptr<DemoMachine> create(const DemoOptions& options, std::string& problem);
    virtual ~DemoMachine() = default;

    // The register windows of the virtio-mmio slots (some are empty); none on a PCI machine.
    virtual std::span<const io::Window> mmio_slots() const = 0;
    // The PCI host bridge, or nullptr on an MMIO machine.
    virtual const bus::pci::HostDescription* pci() const = 0;
};

} // namespace vireo::hosted
