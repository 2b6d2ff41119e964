// SPDX-License-Identifier: Apache-2.0
#include "bus/pci/host.h"

#include "base/log.h"
#include "base/owned_array.h"
#include "bus/pci/bridge_windows.h"

namespace vireo::bus::pci {

namespace {

// Nothing answers, or what answers is not ready (0xffff0001: configuration request retry).
bool is_absent(u32 ids) {
    auto vendor = static_cast<u16>(ids);
    return vendor == 0xffff || vendor == 0x0000 || ids == 0xffff0001;
}

// True for the downstream side of a PCI Express link, which leads to one device, number 0. Probing the 31 others
// would cost time, and some ports answer for them with the same device again.
bool is_express_port(const Function& bridge) {
    CapabilityWalk walk(bridge);
    while (auto capability = walk.next())
        if (capability->id == reg::capability_express) {
            unsigned type = bridge.read16(static_cast<u8>(capability->offset + 2)) >> 4 & 0xf;
            return type == 4 || type == 6; // root port, switch downstream port
        }
    return false;
}

void warn_about(const Function& function, const char* what) {
    StringBuffer<8> place;
    print(place, function.location());
    warn("pci {}: {}", place.view(), what);
}

} // namespace

Host::~Host() {
    while (Bus* bus = buses_.pop_front()) {
        while (Function* function = bus->functions_.pop_front())
            delete function;
        delete bus;
    }
}

Function* Host::first_from(Bus* bus) {
    for (; bus; bus = buses_.next(*bus))
        if (Function* function = bus->functions_.front())
            return function;
    return nullptr;
}

Function* Host::next(Function& function) {
    if (Function* sibling = function.bus_.functions_.next(function))
        return sibling;
    return first_from(buses_.next(function.bus_));
}

Result<> Host::open_root() {
    if (!config_)
        config_ = VIREO_TRY(ConfigAccess::create(description_));
    auto root = VIREO_TRY(make_owned<Bus>(config_->first_bus(), nullptr, nullptr));
    root->last_below_ = config_->last_bus();
    root->rooms_ = rooms_of(description_);
    next_bus_ = root->number_ + 1u;
    buses_.push_back(*root.release());
    return {};
}

Result<> Host::scan() {
    if (buses_.is_empty())
        VIREO_TRY(open_root());
    for (Bus* bus = buses_.front(); bus; bus = buses_.next(*bus))
        bus->scan_position_ = 0;

    // Depth first, because a bridge passes on one range of bus numbers and one range of addresses of each kind: all
    // that lies behind it has to be numbered and placed before its next sibling. The parents are the stack.
    Result<> outcome;
    Bus* bus = buses_.front();
    while (bus) {
        if (bus->scan_position_ < bus->scan_end_ && outcome) {
            auto below = visit(*bus);
            if (!below)
                outcome = below.error();
            else if (*below)
                bus = *below;
        } else {
            if (bus->is_open_)
                close_bridge(*bus);
            bus = bus->parent_;
        }
    }
    return outcome;
}

Result<Bus*> Host::visit(Bus& bus) {
    unsigned position = bus.scan_position_++;
    Location location{bus.number_, static_cast<u8>(position >> 3), static_cast<u8>(position & 7)};
    if (location.function == 0)
        bus.has_many_ = false;
    Function* function = find(bus, location);
    if (!function) {
        u32 ids = config_->read32(location, reg::ids);
        if (!is_absent(ids))
            function = VIREO_TRY(add(bus, location, ids));
    }
    if (location.function == 0)
        bus.has_many_ = function && function->is_multi_function();
    if (!bus.has_many_) // functions 1 to 7 exist only where function 0 says so
        bus.scan_position_ = static_cast<u16>(align_up(bus.scan_position_, 8));
    return function ? function->behind_ : nullptr;
}

Function* Host::find(Bus& bus, Location location) {
    Function* function = bus.functions_.front();
    while (function && function->location() != location)
        function = bus.functions_.next(*function);
    return function;
}

Result<Function*> Host::add(Bus& bus, Location location, u32 ids) {
    if (function_count_ == max_functions)
        return error(ErrorCode::TooLarge, "too many PCI functions");
    u32 class_and_revision = config_->read32(location, reg::class_code);
    auto header_type = static_cast<u8>(config_->read32(location, reg::header) >> 16);
    auto owned =
        VIREO_TRY(make_owned<Function>(*config_, bus, location, ids, class_and_revision, header_type));
    Function* function = owned.release();
    bus.functions_.push_back(*function);
    ++function_count_;

    // Host bridges and the bridges to older buses hold parts of the machine under addresses of their own.
    bool is_other_bridge = function->is_normal() && class_and_revision >> 24 == reg::class_bridge;
    if (is_other_bridge || (!function->is_normal() && !function->is_bridge()))
        return function;
    // An address that is half written, or all ones while it is sized, must not be decoded.
    if (function->read16(reg::command) != 0)
        function->write16(reg::command, 0);
    unsigned bars = function->is_bridge() ? 2 : Function::bar_count;
    u16 decode = place_bars(*config_, location, std::span(function->bars_, bars), bus.rooms_);
    if (decode != 0)
        function->write16(reg::command, decode);
    if (function->is_bridge())
        function->behind_ = VIREO_TRY(open_bridge(*function));
    return function;
}

// Numbers the bus behind a new bridge and lends it all that is left of the parent's windows; close_bridge takes back
// what was not needed. nullptr if there is no number left.
Result<Bus*> Host::open_bridge(Function& bridge) {
    Bus& parent = bridge.bus_;
    if (next_bus_ > parent.last_below_) {
        warn_about(bridge, "no bus number left for what lies behind this bridge");
        return nullptr;
    }
    auto bus = VIREO_TRY(make_owned<Bus>(static_cast<u8>(next_bus_), &parent, &bridge));
    bus->last_below_ = parent.last_below_;
    bus->is_open_ = true;
    if (is_express_port(bridge))
        bus->scan_end_ = 8;
    bridge.write8(reg::primary_bus, parent.number_);
    bridge.write8(reg::secondary_bus, bus->number_);
    bridge.write8(reg::subordinate_bus, bus->last_below_);
    bus->rooms_ = lend_rooms(bridge, parent.rooms_);
    ++next_bus_;
    buses_.push_back(*bus);
    return bus.release();
}

void Host::close_bridge(Bus& bus) {
    bus.is_open_ = false;
    bus.last_below_ = static_cast<u8>(next_bus_ - 1);
    bus.bridge_->write8(reg::subordinate_bus, bus.last_below_);
    settle_rooms(*bus.bridge_, bus.rooms_, bus.parent_->rooms_);
    bus.bridge_->write16(reg::command,
                         bus.bridge_->read16(reg::command) | reg::command_io | reg::command_memory);
}

} // namespace vireo::bus::pci
