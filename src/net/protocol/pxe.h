// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/net_device.h"
#include "net/address.h"

namespace vireo::net {

// The names under which PXELINUX's convention looks for a machine's configuration, the most special one
// first: its UUID, its hardware address, its IPv4 address in hexadecimal with fewer and fewer digits, its
// kind of processor, "default".
class PxeNames {
  public:
    PxeNames(std::string_view uuid, const device::MacAddress& mac, const IpAddress& address,
             std::string_view processor)
        : uuid_(uuid), mac_(mac), address_(address), processor_(processor) {}

    // Writes the next one, "01-52-54-00-12-34-56"; false, and nothing, when there is none left.
    bool next(Writer& out);

  private:
    static constexpr usize hex_digits = 8;
    std::string_view uuid_;
    device::MacAddress mac_;
    IpAddress address_;
    std::string_view processor_;
    usize step_ = 0;
};

} // namespace vireo::net
