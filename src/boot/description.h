// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/boot.h"

namespace vireo::boot {

// How that comes about which a kernel is told of its machine.
struct Description {
    u64 most_bytes; // that it takes, for placement
    // The bytes for plan.description, whose size it makes final. `file`: the kernel's, as far as it is known.
    // plan.command_line is what the kernel gets to see then, in memory that lives as long as the bytes.
    std::expected<OwnedArray<u64>, Failure> (*make)(const Services& services, const Request& request,
                                                    Bytes file, Plan& plan);
};

// A device tree: request.tree, with a command line, an initrd and seeds.
std::expected<Description, Failure> describe_by_tree(const Services& services, const Request& request);

// x86's boot_params, of the kernel's own header, the machine's tables and address map, and a seed.
std::expected<Description, Failure> describe_by_params(const Services& services, const Request& request);

// PVH's start_info, or Multiboot's information: the machine's tables and address map.
std::expected<Description, Failure> describe_by_start_info(const Services& services, const Request& request);
std::expected<Description, Failure> describe_by_multiboot(const Services& services, const Request& request);

} // namespace vireo::boot
