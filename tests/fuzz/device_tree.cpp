// SPDX-License-Identifier: Apache-2.0
// A device tree that is the input, read as machine/virt reads its own: memory, devices, and the copy that
// the image takes along.
#include "fuzz/support.h"
#include "machine/virt/devices.h"
#include "machine/virt/memory.h"

namespace vireo::fuzz {
namespace {

using bus::fdt::Tree;
using machine::virt::Devices;
using machine::virt::MemoryDescription;

void check(const bus::fdt::Region& region) {
    require(checked_add(region.base, region.bytes).has_value(), "a region does not wrap");
}
void check(const bus::pci::AddressRange& range) {
    require(checked_add(range.cpu, range.bytes).has_value() &&
                checked_add(range.bus, range.bytes).has_value(),
            "a window does not wrap");
}

void check_memory(const Tree& tree) {
    MemoryDescription description;
    describe_memory(tree, description);
    require(description.count <= MemoryDescription::max_entries, "entries have room");
    system::MemoryMap map;
    if (!enter_memory(description, map))
        return;
    for (usize i = 0; i < description.count; ++i) {
        const auto& [kind, range] = description.entries[i];
        check(range);
        if (kind != MemoryDescription::Entry::Kind::Ram && range.bytes != 0)
            require(!map.check_writable(range.base, range.bytes), "what is reserved is not given away");
    }
    if (auto place = map.allocate(1 << 20, 1 << 16, "image")) {
        require(*place % (1 << 16) == 0 && map.check_readable(*place, 1 << 20), "the image lies in RAM");
        require(!map.check_writable(*place, 1 << 20), "the image's place is taken");
    }
}

void check_devices(const Devices& devices) {
    for (const auto& slot : devices.virtio_mmio)
        check(bus::fdt::Region{slot.base, slot.bytes});
    if (devices.pci) {
        for (const auto& range :
             {devices.pci->ecam, devices.pci->io, devices.pci->memory, devices.pci->memory64})
            check(range);
        require(devices.pci->first_bus <= devices.pci->last_bus, "buses are in order");
    }
    if (devices.console)
        check(devices.console->registers);
    auto check_connections = [&](const Devices::HartDevice& device) {
        check(device.registers);
        if (auto connection = devices.connection(device, 0, 9))
            require(connection->of_cause <= connection->of_all &&
                        connection->of_all < device.connections.size() / 8,
                    "a connection is one of the list");
    };
    for (const auto* list : {&devices.plics, &devices.timers})
        for (const auto& device : *list)
            check_connections(device);
    for (const auto& aplic : devices.aplics)
        check_connections(aplic.device);
    for (const auto& imsic : devices.imsics)
        check_connections(imsic.device);
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    using fuzz::require;
    fuzz::Surroundings surroundings;
    std::vector<u64> aligned((size + 7) / 8);
    MutableBytes blob = std::as_writable_bytes(std::span(aligned)).first(size);
    if (size > 0)
        std::memcpy(blob.data(), data, size);
    auto tree = bus::fdt::Tree::open(blob);
    if (!tree)
        return 0;
    fuzz::check_memory(*tree);
    auto devices = std::make_unique<machine::virt::Devices>();
    devices->find(*tree);
    fuzz::check_devices(*devices);

    // The copy says the same; the original is gone then.
    require(tree->used_bytes() < size + 8, "a tree ends where its bytes do");
    std::vector<u64> room(tree->used_bytes() / 8);
    auto copy = tree->copy_to(std::as_writable_bytes(std::span(room)));
    require(copy.has_value(), "a tree can be copied");
    std::string model(devices->model);
    usize slots = devices->virtio_mmio.size();
    aligned.assign(aligned.size(), ~u64{0});
    auto adopted = std::make_unique<machine::virt::Devices>();
    adopted->find(bus::fdt::Tree::adopt(reinterpret_cast<const std::byte*>(room.data())));
    fuzz::check_devices(*adopted);
    require(adopted->model == model && adopted->virtio_mmio.size() == slots,
            "a copy says what the original said");
    return 0;
}
