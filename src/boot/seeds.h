// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/tree/device_tree.h"
#include "device/registry.h"

namespace vireo::boot {

// Random numbers for one start of an operating system, which mixes them into its own and never uses them as
// they are. Nobody is given the same ones twice.
struct Seeds {
    std::array<std::byte, 32> general{};
    usize general_bytes = 0; // 0: there are none
    std::optional<u64> layout{};

    // From the first random number device that gives some; else the host's own in `tree`, if there is
    // one, changed by the time, since a warm start may have left them as they were. Interrupted:
    // nothing else is an error.
    static Result<Seeds> gather(const device::Registry& devices, const DeviceTree* tree);
};

} // namespace vireo::boot
