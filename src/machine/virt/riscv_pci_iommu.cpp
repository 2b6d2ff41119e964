// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"
#include "machine/virt/riscv_iommu.h"

namespace vireo::machine::virt {

namespace {

constexpr u32 class_iommu = 0x0806; // base class and subclass of a PCI function

// A physical address of PCI begins with the cell npt000ss bbbbbbbb dddddfff rrrrrrrr.
bus::pci::Location location_of(u32 address) {
    return {static_cast<u8>(address >> 16), static_cast<u8>(address >> 11 & 0x1f),
            static_cast<u8>(address >> 8 & 7)};
}

bus::pci::Function* find_function(bus::pci::Host& host, bus::pci::Location location) {
    bus::pci::Function* function = host.first();
    while (function && function->location() != location)
        function = host.next(*function);
    return function;
}

Result<> pass_through_function(bus::pci::Host& host, bus::pci::Location location) {
    bus::pci::Function* function = find_function(host, location);
    if (!function || function->class_code() >> 8 != class_iommu)
        return error(ErrorCode::NotFound, "no IOMMU is there");
    return pass_through(VIREO_TRY(function->bar(0)));
}

} // namespace

bool open_pci_iommus(const Devices& devices, bus::pci::Host& host) {
    bool scanned = false;
    bool all_open = true;
    for (const Devices::Iommu& iommu : devices.iommus) {
        if (!iommu.pci_address)
            continue;
        if (!scanned)
            (void)host.scan(); // what is wrong with it is said by whoever looks for devices
        scanned = true;
        auto location = location_of(*iommu.pci_address);
        auto opened = pass_through_function(host, location);
        if (opened)
            continue;
        bool before_pci = opened.error().code != ErrorCode::NotFound;
        StringBuffer<16> place;
        print(place, location);
        warn("IOMMU at pci {}: {}{}", place.view(), opened.error(),
             before_pci ? ": no device on PCI is used" : "");
        all_open = all_open && !before_pci;
    }
    return all_open;
}

} // namespace vireo::machine::virt
