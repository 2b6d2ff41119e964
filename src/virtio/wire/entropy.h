// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Entropy device (section 5.4): one queue of device-writable buffers, no features, no configuration.
namespace vireo::virtio::wire {

inline constexpr u32 VIRTIO_ID_ENTROPY = 4;

} // namespace vireo::virtio::wire
