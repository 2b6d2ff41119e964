// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "event/clock.h"
#include "net/address.h"

namespace vireo::net {

// The name servers that routers announce (RFC 8106, 5.1), as long as their word holds. The first ones stay: a
// later announcement fills free places, and can only take back what it names.
class AnnouncedServers {
  public:
    static constexpr usize most = 2;

    void forget() { servers_.clear(); }
    // Of a router advertisement that is believed: its options, which are sound (`ipv6_can_be_read`).
    void take(Bytes options, event::Instant now);
    // The number of those that still count, copied to the front of `to`.
    usize list(std::span<IpAddress, most> to, event::Instant now) const;

  private:
    struct Server {
        IpAddress address;
        event::Instant until;
    };
    void announce(const IpAddress& address, event::Duration lifetime, event::Instant now);
    FixedVector<Server, most> servers_;
};

} // namespace vireo::net
