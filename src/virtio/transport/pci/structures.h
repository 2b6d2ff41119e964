// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "virtio/transport/pci/config_window.h"

namespace vireo::virtio {

// Where a device's structures lie (section 4.1.4), as its capability list says: of each kind, the first one
// that can be used, or, if none of them lies in a BAR that found room, the first one that can be reached
// through configuration space. The windows lie inside the device's BARs whatever the list claims, and have at
// least the length and the alignment that the standard prescribes.
struct PciStructures {
    std::optional<io::Window> common;
    std::optional<io::Window> notify;
    std::optional<io::Window> isr;
    std::optional<io::Window> device; // not every device type has one
    u32 notify_off_multiplier = 0;
    std::unique_ptr<PciConfigWindow> indirect; // what some of the windows need, if any

    u8 msix_capability = 0; // its offset in configuration space; 0: none
    bool any = false;       // the list has at least one of the structures, usable or not
    // Why the last unusable one was passed over, if any was.
    const char* problem = nullptr;

    bool is_complete() const { return common && notify && isr; }
};

// Reads the capability list once. Writes nothing.
PciStructures find_structures(const bus::pci::Function& function);

} // namespace vireo::virtio
