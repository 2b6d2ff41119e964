// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/net_device.h"
#include "virtio/session/session.h"
#include "virtio/wire/net.h"

namespace vireo::drivers::net {

// Where the queues stand in the manifest, and on the device without MQ and RSS (section 5.1.2).
inline constexpr usize receive_queue = 0;
inline constexpr usize transmit_queue = 1;
inline constexpr usize control_queue = 2;

// What the device says about itself (section 5.1.4), as read: nothing is checked yet. Fields whose feature
// was not accepted have the value that means "not known".
struct Config {
    device::MacAddress mac{};
    u16 status = virtio::wire::VIRTIO_NET_S_LINK_UP; // section 5.1.4.2: without STATUS the link counts as up
    u16 mtu = 0;
    bool operator==(const Config&) const = default;
};

// Reads what the accepted features give, as one consistent value.
Result<Config> read_config(virtio::Session& session);

// Whether a card can have this address: not a group's, not all zero.
bool is_station(const device::MacAddress& mac);
// A random, locally administered address for a device that has none (section 5.1.4.2).
device::MacAddress make_up_mac();
// What may be sent: the device's word where it is one that section 5.1.4.1 allows, else 1500.
u16 choose_mtu(u16 mtu);

// How frames look on the way between driver and device, as negotiated.
struct Framing {
    u32 header_bytes;     // of virtio_net_hdr, the same in both directions (section 5.1.9.2.1)
    bool separate_header; // it must have a descriptor of its own (section 5.1.9.8)
    bool merges;          // a received frame may come in several buffers
};
Framing framing_of(const virtio::Session& session);

} // namespace vireo::drivers::net
