// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/riscv_iommu.h"

#include "base/log.h"
#include "event/clock.h"

namespace vireo::machine::virt {

namespace {

// Memory-mapped registers. Those of 8 bytes may be accessed by halves.
using Capabilities = io::Register<u32, 0x00>; // the version in the low byte, 0x10 for 1.0
using DirectoryPointer =
    io::Register<u32, 0x10>; // ddtp: mode, busy, and the page number that only other modes need
constexpr u64 register_bytes = 0x1000;
constexpr u32 mode_mask = 0xf;
constexpr u32 mode_off = 0;
constexpr u32 mode_bare = 1;
constexpr u32 busy = 1 << 4;
constexpr u32 class_iommu = 0x0806; // base class and subclass of a PCI function

// The directory pointer when it is not busy (any more); empty at the deadline.
std::optional<u32> settled_pointer(const io::Window& registers, event::Deadline deadline) {
    u32 pointer = 0;
    bool settled = event::poll_until(deadline, [&] {
        pointer = DirectoryPointer::read(registers);
        return (pointer & busy) == 0;
    });
    return settled ? std::optional(pointer) : std::nullopt;
}

bool lies_before_pci(const Devices& devices, u32 phandle) {
    // Entries of four cells: first requester, IOMMU, its first number for it, how many.
    for (usize at = 0;; at += 4) {
        auto iommu = bus::fdt::read_cells(devices.pci_iommu_map, at + 1, 1);
        if (!iommu)
            return false;
        if (*iommu == phandle)
            return true;
    }
}

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

Result<> pass_through(const io::Window& registers) {
    if (registers.size() < register_bytes || (Capabilities::read(registers) & 0xf0) != 0x10)
        return error(ErrorCode::NotSupported, "no IOMMU that Vireo knows");
    auto deadline = event::Deadline::after(event::Duration::seconds(1));
    // What is written while it is busy may be ignored (`ddtp`).
    auto pointer = settled_pointer(registers, deadline);
    if (pointer && (*pointer & mode_mask) == mode_off) {
        // The low half alone: with the other one before it, this one might come while it is busy again.
        DirectoryPointer::write(registers, mode_bare);
        pointer = settled_pointer(registers, deadline);
        if (pointer && (*pointer & mode_mask) == mode_off)
            return error(ErrorCode::NotSupported, "it cannot be told to let devices through");
    }
    if (!pointer)
        return error(ErrorCode::Timeout, "it stays busy");
    if ((*pointer & mode_mask) != mode_bare)
        return error(ErrorCode::NotSupported, "it translates for somebody else");
    return {};
}

void open_iommus(Devices& devices) {
    if (devices.iommus_absent != 0)
        warn("{} IOMMUs of the device tree are not there, or more than Vireo has room for",
             devices.iommus_absent);
    for (const Devices::Iommu& iommu : devices.iommus) {
        if (iommu.pci_address)
            continue;
        auto opened =
            pass_through(io::Window(io::Space::Memory, iommu.registers.base, iommu.registers.bytes));
        if (opened)
            continue;
        bool before_pci = devices.pci && lies_before_pci(devices, iommu.phandle);
        warn("IOMMU at 0x{:x}: {}{}", iommu.registers.base, opened.error().what,
             before_pci ? ": PCI, which lies behind it, is left off" : "");
        if (before_pci)
            devices.pci.reset();
    }
}

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
        warn("IOMMU at pci {}: {}{}", place.view(), opened.error().what,
             before_pci ? ": no device on PCI is used" : "");
        all_open = all_open && !before_pci;
    }
    return all_open;
}

} // namespace vireo::machine::virt
