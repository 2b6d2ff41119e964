// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/riscv_iommu.h"

#include "base/log.h"
#include "event/clock.h"

namespace vireo::machine::virt {

namespace {

// Memory-mapped registers. Those of 8 bytes may be accessed by halves.
using Capabilities = io::Register<u32, 0x00>; // the version in the low byte, 0x10 for 1.0
// ddtp: mode, busy, and the page number that only other modes need
using DirectoryPointer = io::Register<u32, 0x10>;
constexpr u64 register_bytes = 0x1000;
constexpr u32 mode_mask = 0xf;
constexpr u32 mode_off = 0;
constexpr u32 mode_bare = 1;
constexpr u32 busy = 1 << 4;

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
        warn("IOMMU at 0x{:x}: {}{}", iommu.registers.base, opened.error(),
             before_pci ? ": PCI, which lies behind it, is left off" : "");
        if (before_pci)
            devices.pci.reset();
    }
}

} // namespace vireo::machine::virt
