// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Device status bits (section 2.1).
namespace vireo::virtio::wire {

inline constexpr u8 ACKNOWLEDGE = 1;
inline constexpr u8 DRIVER = 2;
inline constexpr u8 DRIVER_OK = 4;
inline constexpr u8 FEATURES_OK = 8;
inline constexpr u8 SUSPEND = 16;
inline constexpr u8 DEVICE_NEEDS_RESET = 64;
inline constexpr u8 FAILED = 128;

// What a read gives once the device is gone (surprise removal): no device sets all bits.
inline constexpr u8 status_gone = 0xff;

} // namespace vireo::virtio::wire
