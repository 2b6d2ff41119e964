// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/host.h"
#include "machine/virt/devices.h"

namespace vireo::machine::virt {

// IOMMUs as in the RISC-V IOMMU Architecture Specification 1.0. QEMU's stop every access of every device
// after a reset; Vireo hands devices the processor's addresses, so each one that the device tree names is
// told to pass accesses on as they are. It stays so until somebody else programs it: an operating system that
// knows it expects it off or passing on, and one that does not know it finds its disks (docs/decisions/0050).

// Has the IOMMU with these registers pass every access on. One that does so already is left as it
// is. One that translates is, too, and that is an error: whoever built its tables holds devices
// back from memory. Errors: NotSupported, also for registers that are something else, which are
// then not written to; Timeout.
Result<> pass_through(const io::Window& registers);

// All of `devices` that lie on the processor's bus. If one before PCI goes on stopping accesses, PCI is
// left off, with a warning.
void open_iommus(Devices& devices);

// All of `devices` that are functions of `host`, which is scanned for them if there is one. False, after a
// warning, if one goes on stopping accesses: then no device there can be used.
bool open_pci_iommus(const Devices& devices, bus::pci::Host& host);

} // namespace vireo::machine::virt
