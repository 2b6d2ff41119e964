// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/net_device.h"

namespace vireo::net {

// The Internet checksum's sum (RFC 1071) of `bytes` at any address, not inverted, as it lies in memory.
u16 internet_sum(Bytes bytes);

// If the Ethernet frame is TCP or UDP in one piece whose checksum was left out (it is zero): writes the
// sum of the pseudo header where the device expects it, and tells the device where. The device's part
// of RFC 793 and RFC 768.
std::optional<device::OutgoingFrame::Checksum> leave_checksum_to_device(MutableBytes frame);

} // namespace vireo::net
