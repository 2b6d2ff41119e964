// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/address.h"
#include "net/lwip/lwip.h"

namespace vireo::net {

// Between our addresses and lwIP's. None becomes IPv4's 0.0.0.0; 0.0.0.0 and :: become none.
ip_addr_t to_lwip(const IpAddress& address);
IpAddress from_lwip(const ip_addr_t& address);
IpAddress from_lwip(const ip4_addr_t& address);
IpAddress from_lwip(const ip6_addr_t& address);

// What lwIP's error means for what was being done.
Error to_error(err_t code);

} // namespace vireo::net
