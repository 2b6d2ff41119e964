// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/secure_world.h"

namespace vireo::machine::virt {

using arch::psci::Description;
using bus::fdt::Walk;

namespace {

constexpr u64 affinity_fields = 0xff'00ff'ffff;

// Memory that is disabled for the non-secure world and not for the secure one.
bool has_secure_ram(const bus::fdt::Tree& tree) {
    for (Walk walk(tree); walk.next();) {
        const auto& node = walk.node();
        if (walk.depth() != 1 || node.text("device_type") != "memory" || node.is_enabled() ||
            node.text("secure-status") != "okay")
            continue;
        for (usize i = 0; auto bank = walk.reg(i); ++i)
            if (bank->base <= VIREO_PSCI_BLOCK &&
                range_fits(VIREO_PSCI_BLOCK - bank->base, VIREO_PSCI_BLOCK_BYTES, bank->bytes))
                return true;
    }
    return false;
}

void describe_processors(const bus::fdt::Tree& tree, Description& description) {
    bool inside = false;
    for (Walk walk(tree); walk.next() && description.count != Description::max_processors;) {
        const auto& node = walk.node();
        if (walk.depth() == 1)
            inside = node.name() == "cpus";
        if (!inside || walk.depth() != 2 || node.text("device_type") != "cpu")
            continue;
        auto affinity = bus::fdt::read_cells(node.property("reg").value_or(Bytes()), 0, walk.address_cells());
        if (affinity && (*affinity & ~affinity_fields) == 0 && *affinity <= ~uptr{0})
            description.affinities[description.count++] = static_cast<uptr>(*affinity);
    }
}

Description::Line describe(const Devices& devices, const std::optional<Devices::GpioAction>& action) {
    constexpr u64 register_bytes = 0x1000;
    for (const auto& controller : devices.gpio_controllers)
        if (action && controller.phandle == action->phandle && controller.registers.bytes >= register_bytes)
            return {static_cast<uptr>(controller.registers.base), action->pin, action->active_low};
    return {0, 0, 0};
}

} // namespace

Result<> can_leave_secure_world(const Devices& devices, const bus::fdt::Tree& tree) {
    if (!devices.gic)
        return error(ErrorCode::NotSupported,
                     "no interrupt controller that can wake processors in the secure world");
    if (!has_secure_ram(tree))
        return error(ErrorCode::NotSupported, "no secure RAM for what stays in the secure world");
    return {};
}

Result<> describe_for_psci(const Devices& devices, const bus::fdt::Tree& tree, const system::MemoryMap& map,
                           u64 own, Description& description) {
    VIREO_TRY(can_leave_secure_world(devices, tree));
    description.count = 0;
    describe_processors(tree, description);
    std::span<const uptr> named(description.affinities, description.count);
    if (std::ranges::find(named, static_cast<uptr>(own)) == named.end())
        return error(ErrorCode::NotFound, "the device tree does not name the processor that Vireo runs on");
    description.gic_version = devices.gic->version;
    description.distributor = static_cast<uptr>(devices.gic->distributor.base);
    description.interface = static_cast<uptr>(devices.gic->processor_side.base);
    description.lowest_entry = map.ram().front().base;
    description.entries_end = map.ram().back().end();
    description.power_off = describe(devices, devices.gpio_power_off);
    description.restart = describe(devices, devices.gpio_restart);
    return {};
}

} // namespace vireo::machine::virt
