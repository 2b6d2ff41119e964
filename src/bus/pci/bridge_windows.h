// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/function.h"

// The three windows of a PCI-to-PCI bridge (PCI-to-PCI Bridge 1.2, sections 3.2.5.6 to 3.2.5.10).
namespace vireo::bus::pci {

// What the bus behind `bridge` may use: all that is free in `outer`, in the steps in which a bridge counts,
// less the windows that this bridge does not have.
Rooms lend_rooms(const Function& bridge, const Rooms& outer);

// Programs the windows so that they cover what was taken from `inner`, and takes that out of `outer`. A
// memory window is never empty, so that a device which is plugged in later finds some room. `inner`
// shrinks to its window.
void settle_rooms(const Function& bridge, Rooms& inner, Rooms& outer);

} // namespace vireo::bus::pci
