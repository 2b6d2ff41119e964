// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Registers of the MMIO transport (section 4.2.2, table "MMIO Device Register Layout", and section 4.2.4 for
// the legacy ones), by their offset from the start of the slot. All are 32 bits wide and accessed whole; R,
// W: what the driver may do.
namespace vireo::virtio::wire::mmio {

inline constexpr u32 MagicValue = 0x000;        // R
inline constexpr u32 Version = 0x004;           // R
inline constexpr u32 DeviceID = 0x008;          // R, 0: nothing in this slot
inline constexpr u32 DeviceFeatures = 0x010;    // R
inline constexpr u32 DeviceFeaturesSel = 0x014; // W
inline constexpr u32 DriverFeatures = 0x020;    // W
inline constexpr u32 DriverFeaturesSel = 0x024; // W
inline constexpr u32 QueueSel = 0x030;          // W
inline constexpr u32 QueueSizeMax = 0x034;      // R
inline constexpr u32 QueueSize = 0x038;         // W
inline constexpr u32 QueueReady = 0x044;        // RW
inline constexpr u32 QueueNotify = 0x050;       // W
inline constexpr u32 InterruptStatus = 0x060;   // R
inline constexpr u32 InterruptACK = 0x064;      // W
inline constexpr u32 Status = 0x070;            // RW
inline constexpr u32 QueueDescLow = 0x080;      // W
inline constexpr u32 QueueDescHigh = 0x084;     // W
inline constexpr u32 QueueDriverLow = 0x090;    // W
inline constexpr u32 QueueDriverHigh = 0x094;   // W
inline constexpr u32 QueueDeviceLow = 0x0a0;    // W
inline constexpr u32 QueueDeviceHigh = 0x0a4;   // W
inline constexpr u32 QueueReset = 0x0c0;        // RW, with VIRTIO_F_RING_RESET
inline constexpr u32 ConfigGeneration = 0x0fc;  // R
inline constexpr u32 Config = 0x100;            // RW, in the widths of its fields

// Legacy devices only (section 4.2.4).
inline constexpr u32 GuestPageSize = 0x028; // W
inline constexpr u32 QueueAlign = 0x03c;    // W
inline constexpr u32 QueuePFN = 0x040;      // RW

inline constexpr u32 magic = 0x74726976; // "virt"
inline constexpr u32 version_legacy = 1;
inline constexpr u32 version_modern = 2;

} // namespace vireo::virtio::wire::mmio
