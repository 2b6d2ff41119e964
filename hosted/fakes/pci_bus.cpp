// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/pci_bus.h"

#include "hosted/report.h"

namespace vireo::fake {

using hosted::hex;
using hosted::report;

namespace {

// Type 0 header, PCI 3.0 section 6.1.
constexpr u32 command = 0x04;
constexpr u32 status_register = 0x06;
constexpr u32 cache_line_size = 0x0c;
constexpr u32 latency_timer = 0x0d;
constexpr u32 first_bar = 0x10;
constexpr u32 last_bar = 0x24;
constexpr u32 rom_bar = 0x30;
constexpr u32 interrupt_line = 0x3c;
constexpr u32 first_capability = 0x40;

constexpr u16 command_io = 1;
constexpr u16 command_memory = 2;
// I/O, memory, bus master, parity, SERR, INTx disable.
constexpr u16 command_writable = 0x0547;

u32 all_ones(u8 width) { return width == 4 ? 0xffff'ffff : (1u << (8 * width)) - 1; }

} // namespace

// --- function ----------------------------------------------------------------------------------------------------

u64 PciFunction::bar_base(unsigned index) const {
    const Bar& b = bars_[index];
    u32 low = config32(first_bar + 4 * index);
    if (b.kind == Bar::Kind::Io)
        return low & ~3u;
    u64 base = low & ~15u;
    if (b.kind == Bar::Kind::Memory64)
        base |= u64{config32(first_bar + 4 * (index + 1))} << 32;
    return base;
}

bool PciFunction::decodes(Bar::Kind kind) const {
    return config16(command) & (kind == Bar::Kind::Io ? command_io : command_memory);
}

u32 PciFunction::read_config(u32 offset, u8 width) {
    if (offset + width > config_.size())
        return 0; // no extended capabilities
    if (offset >= first_capability)
        if (auto value = read_capability(offset, width))
            return *value;
    u32 value = 0;
    for (u8 i = width; i-- > 0;)
        value = value << 8 | config_[offset + i];
    return value;
}

void PciFunction::write_command(u8 width, u32 value) {
    u16 next = width == 1 ? static_cast<u16>((config16(command) & 0xff00) | (value & 0xff))
                          : static_cast<u16>(value);
    put(command, 2, next & command_writable);
    command_changed();
}

void PciFunction::write_bar_register(unsigned index, u32 value) {
    // The upper half of a 64-bit BAR belongs to the slot before.
    if (index > 0 && bars_[index - 1].kind == Bar::Kind::Memory64) {
        u64 mask = ~(bars_[index - 1].bytes - 1);
        put(first_bar + 4 * index, 4, value & static_cast<u32>(mask >> 32));
        return;
    }
    const Bar& b = bars_[index];
    if (b.kind == Bar::Kind::None)
        return; // reads as 0
    // Sizing or moving a BAR that answers would let it answer at passing addresses.
    if (decodes(b.kind))
        report("pci.decode", name_ + ": BAR " + std::to_string(index) + " written while decoding is on");
    u32 mask = static_cast<u32>(~(b.bytes - 1));
    u32 type =
        b.kind == Bar::Kind::Io ? 1u : (b.kind == Bar::Kind::Memory64 ? 4u : 0u) | (b.prefetchable ? 8u : 0u);
    put(first_bar + 4 * index, 4, (value & mask & (b.kind == Bar::Kind::Io ? ~3u : ~15u)) | type);
}

void PciFunction::write_config(u32 offset, u8 width, u32 value) {
    if (offset + width > config_.size())
        return report("pci.config", name_ + ": write to extended configuration space at " + hex(offset));
    if (offset == command)
        return write_command(width, value); // a 32-bit write covers status with its write-1-to-clear bits
    if (offset >= first_bar && offset <= last_bar + 3) {
        if (width != 4)
            return report("pci.config", name_ + ": BAR written with " + std::to_string(8 * width) + " bits");
        return write_bar_register((offset - first_bar) / 4, value);
    }
    if (offset == status_register || offset == rom_bar)
        return; // nothing pending, no ROM
    if (offset == interrupt_line || offset == cache_line_size || offset == latency_timer)
        return put(offset, 1, value);
    if (offset >= first_capability) {
        if (!write_capability(offset, width, value))
            report("pci.modern.16",
                   name_ + ": write of " + hex(value) + " into a capability at " + hex(offset));
        return;
    }
    report("pci.config", name_ + ": write to read-only configuration offset " + hex(offset));
}

// --- bus ---------------------------------------------------------------------------------------------------------

bus::pci::HostDescription PciBus::virt_host() {
    bus::pci::HostDescription host;
    host.access = bus::pci::HostDescription::ConfigAccess::Ecam;
    host.ecam = {0x40'1000'0000, 0, 0x1000'0000};
    host.first_bus = 0;
    host.last_bus = 255;
    host.io_space = io::Space::Memory;
    host.io = {0x3eff'0000, 0, 0x1'0000};
    host.memory = {0x1000'0000, 0x1000'0000, 0x2eff'0000};
    host.memory64 = {0x80'0000'0000, 0x80'0000'0000, 0x80'0000'0000};
    return host;
}

bus::pci::HostDescription PciBus::pc_host() {
    bus::pci::HostDescription host;
    host.access = bus::pci::HostDescription::ConfigAccess::Ports;
    host.first_bus = 0;
    host.last_bus = 255;
    host.io_space = io::Space::Port;
    host.io = {0xc000, 0xc000, 0x3000};
    host.memory = {0xe000'0000, 0xe000'0000, 0x0e00'0000};
    host.memory64 = {0x40'0000'0000, 0x40'0000'0000, 0x40'0000'0000};
    return host;
}

PciBus::PciBus(const bus::pci::HostDescription& host) : host_(host) {
    if (host.access == bus::pci::HostDescription::ConfigAccess::Ecam)
        map(0, Part::Ecam, io::Space::Memory, host.ecam.cpu, host.ecam.bytes);
    else
        map(0, Part::Ports, io::Space::Port, 0xcf8, 8);
    map(1, Part::Io, host.io_space, host.io.cpu, host.io.bytes);
    map(2, Part::Memory, io::Space::Memory, host.memory.cpu, host.memory.bytes);
    map(3, Part::Memory64, io::Space::Memory, host.memory64.cpu, host.memory64.bytes);
}

void PciBus::map(unsigned slot, Part part, io::Space space, u64 base, u64 bytes) {
    decoders_[slot].bus = this;
    decoders_[slot].part = part;
    if (bytes != 0)
        decoders_[slot].range.emplace(space, base, bytes, decoders_[slot]);
}

void PciBus::plug(unsigned device, unsigned function, PciFunction& pci_function) {
    functions_[device * 8 + function] = &pci_function;
    if (function != 0 && functions_[device * 8])
        functions_[device * 8]->config8(0x0e) |= 0x80; // header type: several functions
}

void PciBus::unplug(unsigned device, unsigned function) { functions_[device * 8 + function] = nullptr; }

u32 PciBus::config_read(u32 bus, u32 device_function, u32 offset, u8 width) {
    PciFunction* function = bus == 0 ? functions_[device_function] : nullptr;
    if (!function || function->is_gone())
        return all_ones(width); // master abort: this is how a scan finds that nothing is there
    return function->read_config(offset, width);
}

void PciBus::config_write(u32 bus, u32 device_function, u32 offset, u8 width, u32 value) {
    PciFunction* function = bus == 0 ? functions_[device_function] : nullptr;
    if (!function)
        return report("pci.config", "configuration write to " + hex(device_function) + " on bus " +
                                        std::to_string(bus) + ", where nothing is");
    if (!function->is_gone())
        function->write_config(offset, width, value);
}

std::optional<PciBus::Target> PciBus::find(Part part, u64 offset, u8 width) {
    const auto& window = part == Part::Io ? host_.io : part == Part::Memory ? host_.memory : host_.memory64;
    u64 address = window.bus + offset;
    for (PciFunction* function : functions_) {
        if (!function)
            continue;
        for (unsigned i = 0; i < 6; ++i) {
            const auto& bar = function->bar(i);
            using Kind = PciFunction::Bar::Kind;
            if (bar.kind == Kind::None || (bar.kind == Kind::Io) != (part == Part::Io) ||
                !function->decodes(bar.kind))
                continue;
            u64 base = function->bar_base(i);
            if (base != 0 && address >= base && range_fits(address - base, width, bar.bytes))
                return Target{function, i, address - base};
        }
    }
    return std::nullopt;
}

u32 PciBus::read(Part part, u64 offset, u8 width) {
    if (part == Part::Ecam)
        return config_read(host_.first_bus + static_cast<u32>(offset >> 20), (offset >> 12) & 0xff,
                           offset & 0xfff, width);
    if (part == Part::Ports)
        return read_ports(offset, width);
    auto target = find(part, offset, width);
    if (!target) {
        report("pci.decode", "read: no BAR answers at offset " + hex(offset) + " of a PCI window");
        return all_ones(width);
    }
    return target->function->read_bar(target->bar, target->offset, width);
}

void PciBus::write(Part part, u64 offset, u8 width, u32 value) {
    if (part == Part::Ecam)
        return config_write(host_.first_bus + static_cast<u32>(offset >> 20), (offset >> 12) & 0xff,
                            offset & 0xfff, width, value);
    if (part == Part::Ports)
        return write_ports(offset, width, value);
    auto target = find(part, offset, width);
    if (!target)
        return report("pci.decode", "write: no BAR answers at offset " + hex(offset) + " of a PCI window");
    target->function->write_bar(target->bar, target->offset, width, value);
}

// Configuration mechanism #1: a 32-bit address at 0xcf8, data of any width at 0xcfc.
u32 PciBus::read_ports(u64 offset, u8 width) {
    if (offset < 4) {
        if (offset != 0 || width != 4)
            report("pci.config", "port 0xcf8 read with " + std::to_string(8 * width) + " bits");
        return config_address_;
    }
    if (!(config_address_ & 0x8000'0000))
        return all_ones(width);
    return config_read((config_address_ >> 16) & 0xff, (config_address_ >> 8) & 0xff,
                       (config_address_ & 0xfc) + static_cast<u32>(offset - 4), width);
}

void PciBus::write_ports(u64 offset, u8 width, u32 value) {
    if (offset < 4) {
        if (offset != 0 || width != 4)
            return report("pci.config", "port 0xcf8 written with " + std::to_string(8 * width) + " bits");
        config_address_ = value;
        return;
    }
    if (config_address_ & 0x8000'0000)
        config_write((config_address_ >> 16) & 0xff, (config_address_ >> 8) & 0xff,
                     (config_address_ & 0xfc) + static_cast<u32>(offset - 4), width, value);
}

} // namespace vireo::fake
