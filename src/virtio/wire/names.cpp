// SPDX-License-Identifier: Apache-2.0
#include "virtio/wire/features.h"

// Names for people only: nothing is decided by them. A device type is listed here whether Vireo drives it or
// not, so that `virtio list` can say what a machine offers.
namespace vireo::virtio::wire {

namespace {

constexpr FeatureName reserved[] = {
    {24, "NOTIFY_ON_EMPTY"}, {27, "ANY_LAYOUT"},      {28, "INDIRECT_DESC"},     {29, "EVENT_IDX"},
    {32, "VERSION_1"},       {33, "ACCESS_PLATFORM"}, {34, "RING_PACKED"},       {35, "IN_ORDER"},
    {36, "ORDER_PLATFORM"},  {37, "SR_IOV"},          {38, "NOTIFICATION_DATA"}, {39, "NOTIF_CONFIG_DATA"},
    {40, "RING_RESET"},      {41, "ADMIN_VQ"},        {43, "SUSPEND"},
};

constexpr FeatureName network[] = {
    // section 5.1.3
    {0, "CSUM"},
    {1, "GUEST_CSUM"},
    {2, "CTRL_GUEST_OFFLOADS"},
    {3, "MTU"},
    {5, "MAC"},
    {6, "GSO"}, // legacy interface
    {7, "GUEST_TSO4"},
    {8, "GUEST_TSO6"},
    {9, "GUEST_ECN"},
    {10, "GUEST_UFO"},
    {11, "HOST_TSO4"},
    {12, "HOST_TSO6"},
    {13, "HOST_ECN"},
    {14, "HOST_UFO"},
    {15, "MRG_RXBUF"},
    {16, "STATUS"},
    {17, "CTRL_VQ"},
    {18, "CTRL_RX"},
    {19, "CTRL_VLAN"},
    {20, "CTRL_RX_EXTRA"},
    {21, "GUEST_ANNOUNCE"},
    {22, "MQ"},
    {23, "CTRL_MAC_ADDR"},
    {50, "DEVICE_STATS"},
    {51, "HASH_TUNNEL"},
    {52, "VQ_NOTF_COAL"},
    {53, "NOTF_COAL"},
    {54, "GUEST_USO4"},
    {55, "GUEST_USO6"},
    {56, "HOST_USO"},
    {57, "HASH_REPORT"},
    {59, "GUEST_HDRLEN"},
    {60, "RSS"},
    {61, "RSC_EXT"},
    {62, "STANDBY"},
    {63, "SPEED_DUPLEX"},
    {64, "RSS_CONTEXT"},
    {65, "GUEST_UDP_TUNNEL_GSO"},
    {66, "GUEST_UDP_TUNNEL_GSO_CSUM"},
    {67, "HOST_UDP_TUNNEL_GSO"},
    {68, "HOST_UDP_TUNNEL_GSO_CSUM"},
    {69, "OUT_NET_HEADER"},
    {70, "IPSEC"},
};

constexpr FeatureName block[] = {
    // section 5.2.3
    {0, "BARRIER"}, // legacy interface
    {1, "SIZE_MAX"},      {2, "SEG_MAX"},   {4, "GEOMETRY"},      {5, "RO"},     {6, "BLK_SIZE"},
    {7, "SCSI"}, // legacy interface
    {9, "FLUSH"},         {10, "TOPOLOGY"}, {11, "CONFIG_WCE"},   {12, "MQ"},    {13, "DISCARD"},
    {14, "WRITE_ZEROES"}, {15, "LIFETIME"}, {16, "SECURE_ERASE"}, {17, "ZONED"},
};

constexpr FeatureName console[] = {{0, "SIZE"}, {1, "MULTIPORT"}, {2, "EMERG_WRITE"}};
constexpr FeatureName balloon[] = {{0, "MUST_TELL_HOST"}, {1, "STATS_VQ"},    {2, "DEFLATE_ON_OOM"},
                                   {3, "FREE_PAGE_HINT"}, {4, "PAGE_POISON"}, {5, "PAGE_REPORTING"}};
constexpr FeatureName scsi[] = {{0, "INOUT"}, {1, "HOTPLUG"}, {2, "CHANGE"}, {3, "T10_PI"}};
constexpr FeatureName plan9[] = {{0, "MOUNT_TAG"}};
constexpr FeatureName gpu[] = {{0, "VIRGL"},         {1, "EDID"},         {2, "RESOURCE_UUID"},
                               {3, "RESOURCE_BLOB"}, {4, "CONTEXT_INIT"}, {5, "BLOB_ALIGNMENT"}};
constexpr FeatureName vsock[] = {{0, "STREAM"}, {1, "SEQPACKET"}, {2, "NO_IMPLIED_STREAM"}};
constexpr FeatureName crypto[] = {{0, "REVISION_1"},          {1, "CIPHER_STATELESS_MODE"},
                                  {2, "HASH_STATELESS_MODE"}, {3, "MAC_STATELESS_MODE"},
                                  {4, "AEAD_STATELESS_MODE"}, {5, "AKCIPHER_STATELESS_MODE"}};
constexpr FeatureName iommu[] = {{0, "INPUT_RANGE"}, {1, "DOMAIN_RANGE"}, {2, "MAP_UNMAP"},    {3, "BYPASS"},
                                 {4, "PROBE"},       {5, "MMIO"},         {6, "BYPASS_CONFIG"}};
constexpr FeatureName memory[] = {{0, "ACPI_PXM"}, {1, "UNPLUGGED_INACCESSIBLE"}, {2, "PERSISTENT_SUSPEND"}};
constexpr FeatureName sound[] = {{0, "CTLS"}};
constexpr FeatureName file_system[] = {{0, "NOTIFICATION"}};
constexpr FeatureName pmem[] = {{0, "SHMEM_REGION"}};

struct DeviceType {
    u32 id;
    std::string_view name;
    std::span<const FeatureName> features;
};

constexpr DeviceType device_types[] = {
    {1, "network", network},
    {2, "block", block},
    {3, "console", console},
    {4, "entropy", {}},
    {5, "balloon", balloon},
    {7, "rpmsg", {}},
    {8, "SCSI host", scsi},
    {9, "9P", plan9},
    {16, "GPU", gpu},
    {17, "RTC", {}},
    {18, "input", {}},
    {19, "socket", vsock},
    {20, "crypto", crypto},
    {23, "IOMMU", iommu},
    {24, "memory", memory},
    {25, "sound", sound},
    {26, "file system", file_system},
    {27, "pmem", pmem},
    {28, "RPMB", {}},
    {32, "SCMI", {}},
    {34, "I2C", {}},
    {35, "watchdog", {}},
    {36, "CAN", {}},
    {41, "GPIO", {}},
    {45, "SPI", {}},
    {48, "media", {}},
};

const DeviceType* find(u32 device_type) {
    for (const DeviceType& type : device_types)
        if (type.id == device_type)
            return &type;
    return nullptr;
}

} // namespace

std::span<const FeatureName> reserved_feature_names() { return reserved; }

std::span<const FeatureName> device_feature_names(u32 device_type) {
    const DeviceType* type = find(device_type);
    return type ? type->features : std::span<const FeatureName>{};
}

std::string_view device_type_name(u32 device_type) {
    const DeviceType* type = find(device_type);
    return type ? type->name : "unknown";
}

} // namespace vireo::virtio::wire
