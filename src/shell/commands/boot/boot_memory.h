// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "boot/tree/device_tree.h"
#include "shell/arguments.h"

namespace vireo::shell {

// "COMMAND [address [initrd[:size] [tree]]]": boots the kernel that lies in memory, whatever its format. What
// users call it by another name for is history.
int boot_from_memory(Context& context, Arguments arguments);

} // namespace vireo::shell
