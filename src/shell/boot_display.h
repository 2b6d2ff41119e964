// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/boot.h"
#include "shell/context.h"

namespace vireo::shell {

inline boot::Services boot_services(Context& context) {
    return {context.machine, context.memory, context.devices, context.virtio, context.loop};
}

// Whether kernels of that architecture are told of their machine by a device tree; x86's are not.
bool has_tree(std::optional<system::Isa> isa);

// What is about to be booted, a line for each part.
void print_plan(Writer& out, const boot::Plan& plan);

// Shows what is booted, and boots it. Returns only if that failed: the status, after one line.
int boot_now(Context& context, const boot::Request& request);

// "Cannot boot: why", one line; returns status_failed.
int fail_to_boot(Context& context, const boot::Failure& failure);

} // namespace vireo::shell
