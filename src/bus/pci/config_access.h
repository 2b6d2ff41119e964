// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "bus/pci/host_description.h"

namespace vireo::bus::pci {

// Where a function sits: bus 0 to 255, device 0 to 31, function 0 to 7.
struct Location {
    u8 bus = 0;
    u8 device = 0;
    u8 function = 0;
    constexpr bool operator==(const Location&) const = default;
};

// Prints "00:02.0".
void print(Writer& out, Location location);

// Reads and writes the first 256 bytes of configuration space, by the memory-mapped window or by ports
// 0xcf8/0xcfc. Offsets are aligned to the width of the access. What is not there reads as all ones.
class ConfigAccess {
  public:
    // NotSupported if the machine describes a window that this processor cannot reach or that covers no bus.
    static Result<ConfigAccess> create(const HostDescription& description);

    u8 first_bus() const { return first_bus_; }
    u8 last_bus() const { return last_bus_; }

    u8 read8(Location location, u8 offset) const { return window_.read8(select(location, offset)); }
    u16 read16(Location location, u8 offset) const { return window_.read16(select(location, offset)); }
    u32 read32(Location location, u8 offset) const { return window_.read32(select(location, offset)); }
    void write8(Location location, u8 offset, u8 value) const {
        window_.write8(select(location, offset), value);
    }
    void write16(Location location, u8 offset, u16 value) const {
        window_.write16(select(location, offset), value);
    }
    void write32(Location location, u8 offset, u32 value) const {
        window_.write32(select(location, offset), value);
    }

  private:
    ConfigAccess(io::Window window, bool by_ports, u8 first_bus, u8 last_bus)
        : window_(window), by_ports_(by_ports), first_bus_(first_bus), last_bus_(last_bus) {}
    // Where in the window the register lies; by ports, selects it first.
    u64 select(Location location, u8 offset) const;

    io::Window window_;
    bool by_ports_;
    u8 first_bus_;
    u8 last_bus_;
};

} // namespace vireo::bus::pci
