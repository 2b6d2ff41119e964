// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/failure.h"
#include "net/stack/network.h"

namespace vireo::load {

// What `host` is: an address, or a name that DNS knows. `has_ipv4`: we have such an address, so it is asked
// for first. Kinds of failure: NotAnAddress, UnknownHost, NoNameServer, NameServer.
Outcome<net::IpAddress> find_host(net::Network& network, std::string_view host, bool has_ipv4,
                                  Failure& failure);

// Makes sure that we have an address that can reach `host`: how. NoIpv4Address, NoWay.
Outcome<net::Network::Route> find_way(net::Network& network, const net::IpAddress& host, bool has_ipv4,
                                      Failure& failure);

} // namespace vireo::load
