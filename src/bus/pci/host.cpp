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

// The PCI Express capability of the downstream side of a link, which leads to one device, number 0. Probing
// the 31 others would cost time, and some ports answer for them with the same device again. 0: this is none.
u8 find_express_port(const Function& bridge) {
    CapabilityWalk walk(bridge);
    while (auto capability = walk.next())
        if (capability->id == reg::capability_express) {
            unsigned type =
                bridge.read16(static_cast<u8>(capability->offset + reg::express_flags)) >> 4 & 0xf;
            return type == 4 || type == 6 ? capability->offset : u8{0}; // root port, switch downstream port
        }
    return 0;
}

// What is plugged into an empty slot has no power until somebody gives it some. The slot keeps it.
void power_slot(const Function& bridge, u8 port) {
    auto at = [port](u8 offset) { return static_cast<u8>(port + offset); };
    if (port == 0 || port + reg::express_bytes > 0x100 ||
        (bridge.read16(at(reg::express_flags)) & reg::express_has_slot) == 0 ||
        (bridge.read32(at(reg::slot_capabilities)) & reg::slot_has_power_controller) == 0)
        return;
    u16 control = bridge.read16(at(reg::slot_control));
    if ((control & reg::slot_power_off) != 0 && control != 0xffff) // all ones: it is gone
        bridge.write16(at(reg::slot_control), static_cast<u16>(control & ~reg::slot_power_off));
}

// QEMU's pxb or pxb-pcie: somewhere there is a root bus that nothing leads to.
bool is_expander(u32 ids) { return ids == 0x0009'1b36 || ids == 0x000b'1b36; }

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

void Host::set_interrupt_lines(u8 (*line)(u8 device, u8 pin)) {
    for (Function* function = first(); function; function = next(*function)) {
        u8 pin = function->read8(reg::interrupt_pin);
        if ((!function->is_normal() && !function->is_bridge()) || pin < 1 || pin > 4)
            continue;
        unsigned turned = pin - 1u;
        const Function* on_root = function;
        while (const Function* bridge = on_root->bus_.bridge()) {
            turned += on_root->location().device;
            on_root = bridge;
        }
        function->write8(reg::interrupt_line, line(on_root->location().device, static_cast<u8>(turned & 3)));
    }
}

void Host::stop_bus_masters() {
    for (Function* function = first(); function; function = next(*function))
        function->set_bus_master(false);
}

Result<> Host::open_root(unsigned number) {
    auto root = VIREO_TRY(make_owned<Bus>(static_cast<u8>(number), nullptr, nullptr));
    root->last_below_ = config_->last_bus();
    root->next_number_ = static_cast<u16>(number + 1);
    insert(*root.release());
    return {};
}

Bus* Host::next_root(Bus* bus) {
    do
        bus = buses_.next(*bus);
    while (bus && bus->parent_);
    return bus;
}

Bus& Host::root_of(Bus& bus) {
    Bus* root = &bus;
    while (root->parent_)
        root = root->parent_;
    return *root;
}

void Host::insert(Bus& bus) {
    Bus* after = buses_.front();
    while (after && after->number_ < bus.number_)
        after = buses_.next(*after);
    buses_.insert_before(after, bus);
}

// Called before any bridge is numbered, so that what answers on another bus than the first is on a root,
// which has its number already; else at the end of the first bus. Nobody says which numbers those are, so it
// is done only where there are expanders.
Result<> Host::find_more_roots() {
    knows_roots_ = true;
    Bus* before = buses_.front();
    unsigned expected = 0;
    bool has_many = false;
    for (unsigned position = 0; position < 256; ++position) {
        Location location{before->number_, static_cast<u8>(position >> 3), static_cast<u8>(position & 7)};
        u32 ids = config_->read32(location, reg::ids);
        expected += is_expander(ids) ? 1 : 0;
        if (location.function == 0)
            has_many = !is_absent(ids) &&
                       (config_->read32(location, reg::header) >> 16 & reg::header_multi_function) != 0;
        if (!has_many)
            position |= 7;
    }
    for (unsigned number = before->number_ + 1u; number <= config_->last_bus() && expected > 0; ++number) {
        bool found = false;
        for (u8 device = 0; device < 32 && !found; ++device)
            found = !is_absent(config_->read32({static_cast<u8>(number), device, 0}, reg::ids));
        if (!found)
            continue;
        --expected;
        before->last_below_ = static_cast<u8>(number - 1);
        VIREO_TRY(open_root(number));
        before = next_root(before);
    }
    return {};
}

Result<> Host::scan() {
    if (buses_.is_empty()) {
        config_ = VIREO_TRY(ConfigAccess::create(description_));
        root_rooms_ = rooms_of(description_);
        VIREO_TRY(open_root(config_->first_bus()));
    }
    for (Bus* bus = buses_.front(); bus; bus = buses_.next(*bus))
        bus->scan_position_ = 0;

    // Depth first, because a bridge passes on one range of bus numbers and one range of addresses of
    // each kind: all that lies behind it has to be numbered and placed before its next sibling. The
    // parents are the stack.
    Result<> outcome;
    Bus* root = buses_.front();
    for (Bus* bus = root; bus;) {
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
        if (bus)
            continue;
        if (sees_expander_ && !knows_roots_ && outcome)
            outcome = find_more_roots();
        root = bus = next_root(root);
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
    if (!function || !function->behind_)
        return nullptr;
    power_slot(*function, function->behind_->port_);
    return function->behind_;
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
    sees_expander_ = sees_expander_ || is_expander(ids);

    // Host bridges and the bridges to older buses hold parts of the machine under addresses of their own.
    bool is_other_bridge = function->is_normal() && class_and_revision >> 24 == reg::class_bridge;
    if (is_other_bridge || (!function->is_normal() && !function->is_bridge()))
        return function;
    // An address that is half written, or all ones while it is sized, must not be decoded.
    if (function->read16(reg::command) != 0)
        function->write16(reg::command, 0);
    unsigned bars = function->is_bridge() ? 2 : Function::bar_count;
    u16 decode = place_bars(*config_, location, std::span(function->bars_, bars), rooms_on(bus));
    if (decode != 0)
        function->write16(reg::command, decode);
    if (function->is_bridge())
        function->behind_ = VIREO_TRY(open_bridge(*function));
    return function;
}

// Numbers the bus behind a new bridge and lends it all that is left of the parent's windows; close_bridge
// takes back what was not needed. nullptr if there is no number left.
Result<Bus*> Host::open_bridge(Function& bridge) {
    Bus& parent = bridge.bus_;
    if (!knows_roots_)
        VIREO_TRY(find_more_roots());
    u16& next_number = root_of(parent).next_number_;
    if (next_number > parent.last_below_) {
        warn_about(bridge, "no bus number left for what lies behind this bridge");
        return nullptr;
    }
    auto bus = VIREO_TRY(make_owned<Bus>(static_cast<u8>(next_number), &parent, &bridge));
    bus->last_below_ = parent.last_below_;
    bus->is_open_ = true;
    bus->port_ = find_express_port(bridge);
    if (bus->port_ != 0)
        bus->scan_end_ = 8;
    bridge.write8(reg::primary_bus, parent.number_);
    bridge.write8(reg::secondary_bus, bus->number_);
    bridge.write8(reg::subordinate_bus, bus->last_below_);
    bus->rooms_ = lend_rooms(bridge, rooms_on(parent));
    ++next_number;
    insert(*bus);
    return bus.release();
}

void Host::close_bridge(Bus& bus) {
    bus.is_open_ = false;
    bus.last_below_ = static_cast<u8>(root_of(bus).next_number_ - 1);
    bus.bridge_->write8(reg::subordinate_bus, bus.last_below_);
    settle_rooms(*bus.bridge_, bus.rooms_, rooms_on(*bus.parent_));
    bus.bridge_->write16(reg::command,
                         bus.bridge_->read16(reg::command) | reg::command_io | reg::command_memory);
}

} // namespace vireo::bus::pci
