// SPDX-License-Identifier: Apache-2.0
#include "bus/pci/host_from_tree.h"

#include "base/math.h"

namespace vireo::bus::pci {

using fdt::read_cells;
using fdt::Walk;

namespace {

constexpr u64 bytes_per_bus = 1 << 20; // 32 devices, 8 functions, 4 KiB each
// The space code in the first cell of a PCI address (IEEE 1275 PCI binding, 2.2.1.1).
enum class PciSpace : u32 { Configuration = 0, Io = 1, Memory32 = 2, Memory64 = 3 };

} // namespace

std::optional<HostDescription> read_host(const Walk& walk, u64 address_limit) {
    auto is_addressable = [&](const AddressRange& range) { return range.cpu + range.bytes <= address_limit; };
    const auto& node = walk.node();
    auto ecam = walk.reg(0);
    auto ranges = node.property("ranges");
    if (!ecam || !ranges || node.cell("#address-cells").value_or(0) != 3 ||
        node.cell("#size-cells").value_or(0) != 2)
        return std::nullopt;

    HostDescription host;
    u32 first_bus = node.cell("bus-range", 0).value_or(0);
    u32 last_bus = node.cell("bus-range", 1).value_or(255);
    u64 buses = ecam->bytes / bytes_per_bus;
    if (first_bus > last_bus || last_bus > 255 || buses == 0)
        return std::nullopt;
    host.first_bus = static_cast<u8>(first_bus);
    host.last_bus = static_cast<u8>(std::min<u64>(last_bus, first_bus + buses - 1));
    host.ecam = {ecam->base, ecam->base, ecam->bytes};
    if (!is_addressable(host.ecam))
        return std::nullopt;

    usize parent_cells = walk.address_cells();
    usize stride = 3 + parent_cells + 2;
    for (usize at = 0; (at + stride) * 4 <= ranges->size(); at += stride) {
        auto kind = read_cells(*ranges, at, 1);
        auto bus = read_cells(*ranges, at + 1, 2);
        auto parent = read_cells(*ranges, at + 3, parent_cells);
        auto bytes = read_cells(*ranges, at + 3 + parent_cells, 2);
        if (!kind || !bus || !parent || !bytes || !checked_add(*bus, *bytes))
            continue;
        auto cpu = walk.translate(*parent, *bytes);
        if (!cpu)
            continue;
        AddressRange range{cpu->base, *bus, *bytes};
        if (!is_addressable(range))
            continue;
        switch (static_cast<PciSpace>(*kind >> 24 & 3)) {
        case PciSpace::Io:
            host.io = range;
            break;
        case PciSpace::Memory32:
            host.memory = range;
            break;
        case PciSpace::Memory64:
            host.memory64 = range;
            break;
        case PciSpace::Configuration:
            break;
        }
    }
    return host;
}

} // namespace vireo::bus::pci
