// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/fw_cfg/fw_cfg.h"
#include "bus/pci/host_description.h"
#include "system/console.h"
#include "system/machine.h"
#include "system/memory_map.h"
#include "virtio/transport/mmio/mmio_source.h"

namespace vireo::bus::pci {
class Host;
}

namespace vireo::machine {

// What a machine knows about itself once the image runs at its final place. Everything lives for ever.
struct Platform {
    system::Machine& machine;
    system::ConsolePort& serial;
    system::MemoryMap& memory; // RAM and all reservations made so far (image, stack, device tree, ...)
    std::span<const virtio::MmioSlot> virtio_mmio;  // in device-tree order
    const bus::pci::HostDescription* pci = nullptr; // if there is a host bridge
    // What has to be done on the bus before devices there are used, if anything; false: they cannot be.
    bool (*prepare_pci)(bus::pci::Host&) = nullptr;
    void (*print_cpu)(Writer&) = nullptr; // "CPU:   ..." line after the banner, if the machine has one
    Bytes random_seed{};                  // what only the host knows, if it gave any; stays where it is
    const bus::FwCfg* fw_cfg = nullptr;   // if there is one
    // Reservations that end when the shell starts: files that the host has loaded, which a user may use.
    std::span<const Range> kept{};
};

// Stops the machine with one line to the log: what was being done, and why that is no way to go on. For a
// machine that is not as it should be; what is wrong with Vireo itself is a panic.
[[noreturn]] void cannot_start(std::string_view doing, std::string_view why);

// Does so if it has less RAM below 4 GiB than Vireo needs. To be called before anything is allocated.
void check_ram(const system::MemoryMap& memory);

// The firmware proper, the same on all machines: heap, console, banner, devices, shell. Called once, after
// relocation with the final page tables and exception vectors in place.
[[noreturn]] void run(const Platform& platform);

} // namespace vireo::machine
