// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

// The PCI transport (section 4.1).
namespace vireo::virtio::wire {

// Section 4.1.2: identification.
inline constexpr u16 pci_vendor_id = 0x1af4;
inline constexpr u16 pci_first_transitional_id = 0x1000;
inline constexpr u16 pci_first_modern_id = 0x1040; // plus the device type
inline constexpr u16 pci_last_id = 0x107f;

// Section 4.1.4: a vendor-specific capability that says where a structure lies.
struct virtio_pci_cap {
    u8 cap_vndr;
    u8 cap_next;
    u8 cap_len;
    u8 cfg_type;
    u8 bar;
    u8 id;
    u8 padding[2];
    Le<u32> offset;
    Le<u32> length;
};
static_assert(sizeof(virtio_pci_cap) == 16 && offsetof(virtio_pci_cap, bar) == 4 &&
              offsetof(virtio_pci_cap, offset) == 8 && offsetof(virtio_pci_cap, length) == 12);

// Section 4.1.4.4.
struct virtio_pci_notify_cap {
    virtio_pci_cap cap;
    Le<u32> notify_off_multiplier;
};
static_assert(sizeof(virtio_pci_notify_cap) == 20 &&
              offsetof(virtio_pci_notify_cap, notify_off_multiplier) == 16);

// Section 4.1.4.9. bar, offset, length and pci_cfg_data take writes.
struct virtio_pci_cfg_cap {
    virtio_pci_cap cap;
    u8 pci_cfg_data[4];
};
static_assert(sizeof(virtio_pci_cfg_cap) == 20 && offsetof(virtio_pci_cfg_cap, pci_cfg_data) == 16);

// Section 4.1.4: cfg_type. The others (8: shared memory, 9: vendor data) are not used, and values that are
// not listed are reserved.
inline constexpr u8 VIRTIO_PCI_CAP_COMMON_CFG = 1;
inline constexpr u8 VIRTIO_PCI_CAP_NOTIFY_CFG = 2;
inline constexpr u8 VIRTIO_PCI_CAP_ISR_CFG = 3;
inline constexpr u8 VIRTIO_PCI_CAP_DEVICE_CFG = 4;
inline constexpr u8 VIRTIO_PCI_CAP_PCI_CFG = 5;

// Section 4.1.4.3. RO: the driver never writes it. A device has the fields up to and without
// queue_notif_config_data, and those behind it as far as the length in its capability says.
struct virtio_pci_common_cfg {
    Le<u32> device_feature_select;
    Le<u32> device_feature; // RO
    Le<u32> driver_feature_select;
    Le<u32> driver_feature;
    Le<u16> config_msix_vector;
    Le<u16> num_queues; // RO
    u8 device_status;
    u8 config_generation; // RO
    Le<u16> queue_select;
    Le<u16> queue_size;
    Le<u16> queue_msix_vector;
    Le<u16> queue_enable;
    Le<u16> queue_notify_off; // RO
    Le<u64> queue_desc;
    Le<u64> queue_driver;
    Le<u64> queue_device;
    Le<u16> queue_notif_config_data; // RO, with VIRTIO_F_NOTIF_CONFIG_DATA
    Le<u16> queue_reset;             // with VIRTIO_F_RING_RESET
};
static_assert(sizeof(virtio_pci_common_cfg) == 0x3c && offsetof(virtio_pci_common_cfg, num_queues) == 0x12 &&
              offsetof(virtio_pci_common_cfg, device_status) == 0x14 &&
              offsetof(virtio_pci_common_cfg, queue_select) == 0x16 &&
              offsetof(virtio_pci_common_cfg, queue_notify_off) == 0x1e &&
              offsetof(virtio_pci_common_cfg, queue_desc) == 0x20 &&
              offsetof(virtio_pci_common_cfg, queue_device) == 0x30 &&
              offsetof(virtio_pci_common_cfg, queue_notif_config_data) == 0x38 &&
              offsetof(virtio_pci_common_cfg, queue_reset) == 0x3a);

// Section 4.1.4.8: the legacy header at the start of BAR 0. The device-specific configuration follows it,
// behind two more 16-bit fields while MSI-X is enabled.
struct virtio_pci_legacy_header {
    Le<u32> device_features; // RO
    Le<u32> driver_features;
    Le<u32> queue_address; // in pages of 4096 bytes
    Le<u16> queue_size;    // RO
    Le<u16> queue_select;
    Le<u16> queue_notify;
    u8 device_status;
    u8 isr_status; // RO, reading clears it
};
static_assert(sizeof(virtio_pci_legacy_header) == 20 &&
              offsetof(virtio_pci_legacy_header, queue_select) == 14 &&
              offsetof(virtio_pci_legacy_header, queue_notify) == 16 &&
              offsetof(virtio_pci_legacy_header, device_status) == 18 &&
              offsetof(virtio_pci_legacy_header, isr_status) == 19);
inline constexpr u32 pci_legacy_msix_bytes = 4;

} // namespace vireo::virtio::wire
