// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

// IOMMU device (section 5.13), as far as Vireo, which does not drive it, looks at it.
namespace vireo::virtio::wire {

inline constexpr u32 VIRTIO_ID_IOMMU = 23;

// Section 5.13.3.
inline constexpr unsigned VIRTIO_IOMMU_F_BYPASS_CONFIG = 6;

// Section 5.13.4.
struct virtio_iommu_config {
    Le<u64> page_size_mask;
    struct {
        Le<u64> start;
        Le<u64> end;
    } input_range;
    struct {
        Le<u32> start;
        Le<u32> end;
    } domain_range;
    Le<u32> probe_size;
    u8 bypass; // bit 0: devices that no driver has attached to a domain reach all memory
    u8 reserved[3];
};
static_assert(offsetof(virtio_iommu_config, bypass) == 36 && sizeof(virtio_iommu_config) == 40);

} // namespace vireo::virtio::wire
