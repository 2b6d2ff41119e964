// SPDX-License-Identifier: Apache-2.0
#include "bus/pci/function.h"

#include "bus/pci/host.h"

namespace vireo::bus::pci {

Function::Function(const ConfigAccess& config, Bus& bus, Location location, u32 ids, u32 class_and_revision,
                   u8 header_type)
    : config_(config), bus_(bus), location_(location), vendor_id_(static_cast<u16>(ids)),
      device_id_(static_cast<u16>(ids >> 16)), class_and_revision_(class_and_revision),
      header_type_(header_type & reg::header_type_mask),
      is_multi_function_((header_type & reg::header_multi_function) != 0) {}

Result<io::Window> Function::bar(unsigned index) const {
    if (index >= bar_count || bars_[index].state == Bar::State::Absent)
        return error(ErrorCode::NotFound, "PCI BAR not implemented");
    if (bars_[index].state == Bar::State::Unassigned)
        return error(ErrorCode::TooLarge, "PCI BAR does not fit into the windows of the host bridge");
    return bars_[index].window;
}

void Function::set_bus_master(bool on) const {
    // What the device does to memory passes every bridge above it.
    if (on)
        for (const Bus* bus = &bus_; bus->bridge(); bus = bus->parent())
            bus->bridge()->write16(reg::command, bus->bridge()->read16(reg::command) | reg::command_master);
    u16 command = read16(reg::command);
    auto wanted = static_cast<u16>(on ? command | reg::command_master : command & ~reg::command_master);
    if (command != wanted && command != 0xffff) // all ones: it is gone
        write16(reg::command, wanted);
}

CapabilityWalk::CapabilityWalk(const Function& function) : function_(function) {
    u16 status = function.read16(reg::status);
    if (status != 0xffff && (status & reg::status_capabilities))
        pointer_ = function.read8(reg::capabilities);
}

std::optional<Capability> CapabilityWalk::next() {
    // The two low bits of a pointer are reserved, and software must mask them.
    u8 offset = align_down(pointer_, 4);
    u64 bit = u64{1} << (offset / 4);
    if (offset < 0x40 || (seen_ & bit))
        return std::nullopt;
    seen_ |= bit;
    u16 header = function_.read16(offset);
    if (header == 0xffff) // the device has gone
        return std::nullopt;
    pointer_ = static_cast<u8>(header >> 8);
    return Capability{offset, static_cast<u8>(header)};
}

} // namespace vireo::bus::pci
