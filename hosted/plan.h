// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/kernel_files.h"
#include "shell/context.h"

namespace vireo::hosted {

// Loads what is to be booted as firmware does, and prints where everything would lie; nothing is entered. The
// status: 0, or 1 after the line why it cannot be booted.
int print_boot_plan(shell::Context& context, KernelFiles& files, const KernelOptions& options);

} // namespace vireo::hosted
