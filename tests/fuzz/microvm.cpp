// SPDX-License-Identifier: Apache-2.0
// QEMU's microvm as its host describes it: two files of fw_cfg, a device tree and ACPI tables, whose contents
// and sizes are the input. With QEMU's way to transfer files and with the slow one.
#include "machine/pc/microvm.h"

#include "fuzz/support.h"
#include "hosted/fakes/fw_cfg.h"
#include "hosted/fakes/low_ram.h"

namespace vireo::fuzz {
namespace {

using machine::pc::Microvm;

void check(const std::optional<Microvm::Action>& action) {
    if (action)
        require(action->address != 0 && range_fits(action->address, 1, io::reach_of(action->space)),
                "an action's register can be reached");
}

void check(const Microvm& machine) {
    for (const virtio::MmioSlot& slot : machine.slots)
        require(checked_add(slot.base, slot.bytes).has_value(), "a slot does not wrap");
    if (machine.pci) {
        for (const auto& range :
             {machine.pci->ecam, machine.pci->io, machine.pci->memory, machine.pci->memory64})
            require(checked_add(range.cpu, range.bytes).has_value() &&
                        checked_add(range.bus, range.bytes).has_value(),
                    "a window does not wrap");
        require(machine.pci->first_bus <= machine.pci->last_bus, "buses are in order");
    }
    check(machine.reset);
    check(machine.power_off);
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    using fuzz::require;
    fuzz::Surroundings surroundings;
    fuzz::FuzzedData input(data, size);
    u8 flags = input.byte();
    // Bytes one by one cost a register access each.
    bool has_dma = (flags & 1) == 0;
    u32 most = has_dma ? ~0u : 64 << 10;
    u32 claimed[] = {input.number<u32>(), input.number<u32>()};
    Bytes tree = input.take(input.number<u32>());
    Bytes tables = input.rest();

    fake::FwCfg host(true, has_dma);
    auto add = [&](const char* name, Bytes contents, u32 size) {
        std::optional<u32> claim = (flags & 2) != 0 ? std::optional(std::min(size, most)) : std::nullopt;
        host.add_file(name, {reinterpret_cast<const char*>(contents.data()), contents.size()}, claim);
    };
    add("etc/fdt", tree, claimed[0]);
    add("etc/acpi/tables", tables, claimed[1]);
    auto fw_cfg = host.open();
    require(fw_cfg.has_value(), "the device is found");
    fake::LowRam ram;
    machine::pc::Microvm machine;
    machine.find(*fw_cfg, ram.map);
    fuzz::check(machine);
    require(ram.map.reservations().empty(), "the RAM that files were read into is free again");

    // The tables where a byte beyond them is noticed.
    fuzz::Memory exact(tables.size());
    if (!tables.empty())
        std::memcpy(exact.bytes().data(), tables.data(), tables.size());
    machine::pc::Microvm other;
    other.read_acpi(exact.bytes());
    fuzz::check(other);
    require((flags & 2) != 0 || !machine.found || tables.size() > (1 << 20) ||
                (machine.reset.has_value() == other.reset.has_value() &&
                 machine.power_off.has_value() == other.power_off.has_value()),
            "how tables are fetched changes nothing");
    return 0;
}
