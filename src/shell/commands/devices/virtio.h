// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shell/context.h"

namespace vireo::shell {

// Subcommands of `virtio` that have a file of their own (virtio_blocks.cpp). They get all words of
// the line, "virtio" first, and check how many there are.
int virtio_erase(Context& context, Arguments arguments);
int virtio_bench(Context& context, Arguments arguments);

// The disk that the command numbers so; nullptr if there is none.
inline device::BlockDevice* find_virtio_disk(const Context& context, u64 number) {
    return context.devices.block.find("virtio", number);
}

} // namespace vireo::shell
