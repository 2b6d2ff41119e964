// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/function.h"

namespace vireo::virtio {

// Where a device's structures lie (section 4.1.4), as its capability list says: of each kind, the first one that can be
// used. The windows lie inside the device's BARs whatever the list claims, and have at least the length and the
// alignment that the standard prescribes.
struct PciStructures {
    std::optional<io::Window> common;
    std::optional<io::Window> notify;
    std::optional<io::Window> isr;
    std::optional<io::Window> device; // not every device type has one
    u32 notify_off_multiplier = 0;

    u8 msix_capability = 0; // its offset in configuration space; 0: none
    bool any = false;       // the list has at least one of the structures, usable or not
    // Why the last unusable one was passed over, if any was.
    const char* problem = nullptr;

    bool is_complete() const { return common && notify && isr; }
};

// Reads the capability list once. Writes nothing.
PciStructures find_structures(const bus::pci::Function& function);

} // namespace vireo::virtio
