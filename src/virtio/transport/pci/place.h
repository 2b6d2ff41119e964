// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/function.h"

// What the modern and the legacy PCI transport share.
namespace vireo::virtio {

// "pci 00:02.0".
inline void print_pci_place(Writer& out, const bus::pci::Function& function) {
    out.write("pci ");
    bus::pci::print(out, function.location());
}

// True while the MSI-X capability at this offset (0: the function has none) is switched on. Then the legacy
// header is longer, and ISR status tells less.
inline bool is_msix_on(const bus::pci::Function& function, u8 capability) {
    return capability != 0 && (function.read16(static_cast<u8>(capability + 2)) & 0x8000);
}

// Vireo polls: an earlier owner may have left MSI-X on, with messages that go to places which
// now hold something else.
inline void switch_msix_off(const bus::pci::Function& function, u8 capability) {
    if (!is_msix_on(function, capability))
        return;
    auto control = static_cast<u8>(capability + 2);
    function.write16(control, function.read16(control) & 0x7fff);
}

} // namespace vireo::virtio
