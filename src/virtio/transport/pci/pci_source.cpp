// SPDX-License-Identifier: Apache-2.0
#include "virtio/transport/pci/pci_source.h"

#include "base/log.h"
#include "base/owned_array.h"
#include "virtio/transport/pci/legacy.h"
#include "virtio/transport/pci/modern.h"
#include "virtio/wire/pci.h"

namespace vireo::virtio {

namespace {

// Section 4.1.2.1: transitional PCI device ids from 0x1000 and the device types that they stand for.
constexpr u8 transitional_types[] = {1, 2, 5, 3, 8, 4, 0, 0, 0, 9};

bool is_transitional(const bus::pci::Function& function) {
    return function.device_id() < wire::pci_first_modern_id;
}

} // namespace

// Any revision and any subsystem id will do (section 4.1.2.2), except where nothing else names the type:
// devices with ids that the standard did not give away carry it as their subsystem id.
u32 pci_device_type(const bus::pci::Function& function) {
    u16 id = function.device_id();
    if (function.vendor_id() != wire::pci_vendor_id || !function.is_normal() ||
        id < wire::pci_first_transitional_id || id > wire::pci_last_id)
        return 0;
    if (!is_transitional(function))
        return id - wire::pci_first_modern_id;
    usize index = id - wire::pci_first_transitional_id;
    if (index < std::size(transitional_types) && transitional_types[index] != 0)
        return transitional_types[index];
    u16 type = function.subsystem_id();
    return type == 0xffff ? 0 : type;
}

Result<std::unique_ptr<Transport>> probe_pci(const bus::pci::Function& function) {
    u32 device_type = pci_device_type(function);
    if (device_type == 0)
        return error(ErrorCode::NotSupported, "no VirtIO device");
    PciStructures structures = find_structures(function);
    if (structures.is_complete())
        return VIREO_TRY(make_owned<PciModernTransport>(function, std::move(structures), device_type));
    const char* problem = structures.problem ? structures.problem
                          : structures.any   ? "a structure is missing"
                                             : "no VirtIO capabilities";
    if (!is_transitional(function))
        return error(ErrorCode::NotSupported, problem);
    auto legacy = PciLegacyTransport::create(function, structures.msix_capability, device_type);
    if (!legacy && structures.any && legacy.error().code != ErrorCode::NoMemory)
        return error(ErrorCode::NotSupported, problem); // the modern interface is the one that was meant
    return legacy;
}

void PciSource::enumerate(Sink& sink) {
    if (auto scanned = host_.scan(); !scanned)
        warn("pci: {}", scanned.error());
    for (bus::pci::Function* function = host_.first(); function; function = host_.next(*function)) {
        if (pci_device_type(*function) == 0)
            continue;
        auto transport = probe_pci(*function);
        if (transport) {
            sink.found(std::move(*transport));
        } else {
            StringBuffer<16> place;
            print_pci_place(place, *function);
            warn("{}: VirtIO device that cannot be driven: {}", place.view(), transport.error());
        }
    }
}

} // namespace vireo::virtio
