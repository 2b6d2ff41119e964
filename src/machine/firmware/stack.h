// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "machine/firmware/device_stack.h"
#include "net/stack/network.h"
#include "shell/context.h"

namespace vireo::machine {

// What Vireo's parts stand on, and what differs from firmware to program to test. It all lives longer than
// they do.
struct Surroundings {
    system::Console& console;
    system::MemoryMap& memory;
    system::Machine& machine;
    system::VirtioInspector* virtio = nullptr; // in place of the device manager: a shell without devices
    system::PciInspector* pci = nullptr;
    system::HostFiles* host_files = nullptr;
};

// What the shell works with: the one place where it is put together.
inline shell::Services assemble(DeviceStack& devices, net::Network& network, const Surroundings& around) {
    return {
        .console = around.console,
        .loop = devices.loop,
        .memory = around.memory,
        .devices = devices.registry,
        .machine = around.machine,
        .virtio = around.virtio ? *around.virtio : devices.manager,
        .network = network,
        .pci = around.pci,
        .host_files = around.host_files,
    };
}

// Vireo from the devices up to what the shell works with, the same in firmware, in vireo-hosted, in tests and
// in fuzz targets. A part that all of them are to have is a member here and a line in assemble().
struct Stack : DeviceStack {
    // `random_seed` is what only the host knows, if it gave any; it stays where it is.
    explicit Stack(Bytes random_seed = {}) : network(loop, registry, random_seed) {}

    shell::Services services(const Surroundings& around) { return assemble(*this, network, around); }

    net::Network network;
};

} // namespace vireo::machine
