// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/window.h"

namespace vireo::bus::pci {

// A window of a PCI host bridge: where it lies for the processor and for devices on the bus. 0
// bytes: there is none.
struct AddressRange {
    u64 cpu = 0;
    u64 bus = 0;
    u64 bytes = 0;
};

// What the machine knows about its PCI host bridge. The machine fills it from the device tree, or, on pc and
// q35, from the chip set; bus/pci enumerates and assigns with it.
struct HostDescription {
    enum class ConfigAccess : u8 { Ecam, Ports }; // memory-mapped, or ports 0xcf8/0xcfc
    ConfigAccess access = ConfigAccess::Ecam;
    AddressRange ecam; // Ecam: starts at first_bus
    u8 first_bus = 0;
    u8 last_bus = 0;
    io::Space io_space = io::Space::Memory; // how port I/O is done: mapped into memory, or x86 ports
    AddressRange io;                        // bus addresses 0 to 0xfff are never assigned
    AddressRange memory;                    // below 4 GiB on the bus
    AddressRange memory64;                  // prefetchable, above 4 GiB; not used on 32-bit boards
};

} // namespace vireo::bus::pci
