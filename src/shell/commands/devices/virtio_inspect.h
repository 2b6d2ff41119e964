// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/arguments.h"

// The subcommands of `virtio` that look at devices and not at disks. `arguments` are the whole line.
namespace vireo::shell {

int virtio_list(Context& context, Arguments arguments);
int virtio_features(Context& context, Arguments arguments);
int virtio_stats(Context& context, Arguments arguments);
int virtio_reset(Context& context, Arguments arguments);

} // namespace vireo::shell
