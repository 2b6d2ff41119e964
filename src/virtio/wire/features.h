// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

// Feature bits that mean the same for every device type (chapter 6). Bits 0 to 23 and 50 to 127 belong to the
// device types and stand in their own headers.
namespace vireo::virtio::wire {

inline constexpr unsigned VIRTIO_F_NOTIFY_ON_EMPTY = 24; // legacy interface only (section 6.3)
inline constexpr unsigned VIRTIO_F_ANY_LAYOUT = 27;      // legacy interface only (section 6.3)
inline constexpr unsigned VIRTIO_F_INDIRECT_DESC = 28;
inline constexpr unsigned VIRTIO_F_EVENT_IDX = 29;
inline constexpr unsigned VIRTIO_F_UNUSED_30 = 30; // legacy QEMU's probe for bad drivers; never accepted
inline constexpr unsigned VIRTIO_F_VERSION_1 = 32;
inline constexpr unsigned VIRTIO_F_ACCESS_PLATFORM = 33;
inline constexpr unsigned VIRTIO_F_RING_PACKED = 34;
inline constexpr unsigned VIRTIO_F_IN_ORDER = 35;
inline constexpr unsigned VIRTIO_F_ORDER_PLATFORM = 36;
inline constexpr unsigned VIRTIO_F_SR_IOV = 37;
inline constexpr unsigned VIRTIO_F_NOTIFICATION_DATA = 38;
inline constexpr unsigned VIRTIO_F_NOTIF_CONFIG_DATA = 39;
inline constexpr unsigned VIRTIO_F_RING_RESET = 40;
inline constexpr unsigned VIRTIO_F_ADMIN_VQ = 41;
inline constexpr unsigned VIRTIO_F_SUSPEND = 43;

// A bit and its name without the prefix that all bits of its table share, for people.
struct FeatureName {
    u8 bit;
    std::string_view name;
};

// Names of the bits above, and of each device type's own bits (empty for types without any, or not listed
// here).
std::span<const FeatureName> reserved_feature_names();
std::span<const FeatureName> device_feature_names(u32 device_type);

// "block", "network", ... (chapter 5); "unknown" for a number that the standard does not assign.
std::string_view device_type_name(u32 device_type);

} // namespace vireo::virtio::wire
