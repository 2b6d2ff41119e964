// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

// Network device (section 5.1). What Vireo does not use is left out, except in the layout.
namespace vireo::virtio::wire {

inline constexpr u32 VIRTIO_ID_NET = 1;

// Section 5.1.3.
inline constexpr unsigned VIRTIO_NET_F_CSUM = 0;
inline constexpr unsigned VIRTIO_NET_F_GUEST_CSUM = 1;
inline constexpr unsigned VIRTIO_NET_F_MTU = 3;
inline constexpr unsigned VIRTIO_NET_F_MAC = 5;
inline constexpr unsigned VIRTIO_NET_F_GUEST_TSO4 = 7;
inline constexpr unsigned VIRTIO_NET_F_GUEST_TSO6 = 8;
inline constexpr unsigned VIRTIO_NET_F_GUEST_ECN = 9;
inline constexpr unsigned VIRTIO_NET_F_MRG_RXBUF = 15;
inline constexpr unsigned VIRTIO_NET_F_STATUS = 16;
inline constexpr unsigned VIRTIO_NET_F_CTRL_VQ = 17;
inline constexpr unsigned VIRTIO_NET_F_CTRL_RX = 18;
inline constexpr unsigned VIRTIO_NET_F_CTRL_MAC_ADDR = 23;

// Section 5.1.4, as far as Vireo reads it.
struct virtio_net_config {
    u8 mac[6];
    Le<u16> status;
    Le<u16> max_virtqueue_pairs;
    Le<u16> mtu;
};
static_assert(offsetof(virtio_net_config, status) == 6 && offsetof(virtio_net_config, mtu) == 10);
inline constexpr u16 VIRTIO_NET_S_LINK_UP = 1; // bit of status

// Section 5.1.9: what each frame begins with. The legacy interface has no num_buffers, unless MRG_RXBUF was
// negotiated; fields that need a feature Vireo does not accept would follow.
struct virtio_net_hdr {
    u8 flags;
    u8 gso_type;
    Le<u16> hdr_len;
    Le<u16> gso_size;
    Le<u16> csum_start;
    Le<u16> csum_offset;
    Le<u16> num_buffers;
};
static_assert(sizeof(virtio_net_hdr) == 12 && offsetof(virtio_net_hdr, num_buffers) == 10);
inline constexpr u32 virtio_net_hdr_legacy_bytes = 10;

inline constexpr u8 VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;
inline constexpr u8 VIRTIO_NET_HDR_F_DATA_VALID = 2;
inline constexpr u8 VIRTIO_NET_HDR_F_RSC_INFO = 4;
inline constexpr u8 VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM = 8;
inline constexpr u8 VIRTIO_NET_HDR_GSO_NONE = 0;
inline constexpr u8 VIRTIO_NET_HDR_GSO_TCPV4 = 1;
inline constexpr u8 VIRTIO_NET_HDR_GSO_TCPV6 = 4;
inline constexpr u8 VIRTIO_NET_HDR_GSO_ECN = 0x80;

// Section 5.1.9.5: what a command on the control queue begins with; its data follows, then one byte of ack.
struct virtio_net_ctrl {
    u8 class_;
    u8 command;
};
inline constexpr u8 VIRTIO_NET_OK = 0;
inline constexpr u8 VIRTIO_NET_CTRL_RX = 0;
inline constexpr u8 VIRTIO_NET_CTRL_RX_PROMISC = 0;
inline constexpr u8 VIRTIO_NET_CTRL_RX_ALLMULTI = 1;
inline constexpr u8 VIRTIO_NET_CTRL_MAC = 1;
inline constexpr u8 VIRTIO_NET_CTRL_MAC_TABLE_SET = 0;
inline constexpr u8 VIRTIO_NET_CTRL_MAC_ADDR_SET = 1;

} // namespace vireo::virtio::wire
