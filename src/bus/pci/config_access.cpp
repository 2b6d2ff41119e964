// SPDX-License-Identifier: Apache-2.0
#include "bus/pci/config_access.h"

namespace vireo::bus::pci {

namespace {
// The PC's configuration mechanism 1: an address port and, right behind it, a data port of four bytes.
constexpr u64 address_port = 0xcf8;
constexpr u64 data_port = 0xcfc;
constexpr u32 address_enable = u32{1} << 31;

constexpr u64 ecam_bytes_per_bus = u64{1} << 20;
} // namespace

void print(Writer& out, Location location) {
    vireo::print(out, "{:02x}:{:02x}.{}", location.bus, location.device, location.function);
}

Result<ConfigAccess> ConfigAccess::create(const HostDescription& description) {
    u8 first = description.first_bus;
    u8 last = description.last_bus;
    if (last < first)
        return error(ErrorCode::NotSupported, "PCI host bridge without buses");
    if (description.access == HostDescription::ConfigAccess::Ports)
        return ConfigAccess(io::Window(io::Space::Port, address_port, 8), true, first, last);

    const AddressRange& ecam = description.ecam;
    u64 buses = ecam.bytes / ecam_bytes_per_bus;
    if (buses == 0)
        return error(ErrorCode::NotSupported, "PCI configuration window too small");
    if (!range_fits(ecam.cpu, ecam.bytes, io::reach_of(io::Space::Memory)))
        return error(ErrorCode::NotSupported, "PCI configuration window out of the processor's reach");
    if (buses <= u64{last} - first)
        last = static_cast<u8>(first + buses - 1);
    return ConfigAccess(io::Window(io::Space::Memory, ecam.cpu, ecam.bytes), false, first, last);
}

u64 ConfigAccess::select(Location location, u8 offset) const {
    VIREO_ASSERT(location.bus >= first_bus_ && location.bus <= last_bus_);
    u32 device_function = u32{location.device} << 3 | location.function;
    if (!by_ports_)
        return u64{location.bus - u32{first_bus_}} << 20 | u64{device_function} << 12 | offset;
    window_.write32(0, address_enable | u32{location.bus} << 16 | device_function << 8 | (offset & 0xfcu));
    return data_port - address_port + (offset & 3u);
}

} // namespace vireo::bus::pci
