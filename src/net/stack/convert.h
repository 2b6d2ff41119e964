// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/address.h"
#include "net/stack/lwip/lwip.h"

namespace vireo::net {

// Between our addresses and lwIP's. None becomes IPv4's 0.0.0.0; 0.0.0.0 and :: become none.
ip_addr_t to_lwip(const IpAddress& address);
IpAddress from_lwip(const ip_addr_t& address);
IpAddress from_lwip(const ip4_addr_t& address);
IpAddress from_lwip(const ip6_addr_t& address);

// What lwIP's error means for what was being done.
Error to_error(err_t code);

// Binds a new socket by `bind(port)` to a port that nobody can guess (RFC 6056, 3.3.1): lwIP
// would take the next one.
template <typename Bind> err_t bind_to_random_port(Bind&& bind) {
    constexpr u16 first = 49152; // of those that anybody may use (RFC 6335, 6)
    err_t bound = ERR_USE;
    for (int tries = 0; tries < 8 && bound == ERR_USE; ++tries) // few are in use
        bound = bind(static_cast<u16>(first + LWIP_RAND() % (0x10000 - first)));
    return bound;
}

} // namespace vireo::net
