// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/fdt/tree.h"
#include "bus/pci/host_description.h"

namespace vireo::bus::pci {

// The host bridge at the node where `walk` stands ("pci-host-ecam-generic"); empty if its properties make no
// sense, or if its configuration space reaches `address_limit`, the first address that the machine cannot
// reach. Windows that do are left out.
std::optional<HostDescription> read_host(const fdt::Walk& walk, u64 address_limit);

} // namespace vireo::bus::pci
