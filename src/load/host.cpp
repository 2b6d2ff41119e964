// SPDX-License-Identifier: Apache-2.0
#include "load/host.h"

namespace vireo::load {

namespace {

using Kind = Failure::Kind;

// A mistyped address rather than a name: no top-level domain is a number (RFC 3696, 2), no name has colons.
bool is_meant_as_address(std::string_view host) {
    return host.contains(':') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

} // namespace

Outcome<net::IpAddress> find_host(net::Network& network, std::string_view host, bool has_ipv4,
                                  Failure& failure) {
    using Family = net::IpAddress::Family;
    if (auto address = net::IpAddress::parse(host))
        return *address;
    if (is_meant_as_address(host))
        return failure.is(Kind::NotAnAddress);
    auto found = network.resolve(host, has_ipv4 ? Family::V4 : Family::V6);
    if (!found && found.error().code == ErrorCode::NotFound)
        found = network.resolve(host, has_ipv4 ? Family::V6 : Family::V4);
    if (found)
        return *found;
    if (found.error().code == ErrorCode::NotFound)
        return failure.is(Kind::UnknownHost);
    if (found.error().code == ErrorCode::NotReady && network.health())
        return failure.is(Kind::NoNameServer);
    return failure.is(Kind::NameServer, found.error());
}

Outcome<net::Network::Route> find_way(net::Network& network, const net::IpAddress& host, bool has_ipv4,
                                      Failure& failure) {
    if (host.is_v4() && !has_ipv4)
        return failure.is(Kind::NoIpv4Address);
    Result<> ready = host.is_v6() ? network.wait_for_ipv6(host, net::Network::ipv6_budget) : Result<>();
    auto route = ready ? network.route_to(host) : ready.error();
    if (route)
        return *route;
    failure.server = host;
    return failure.is(Kind::NoWay, route.error());
}

} // namespace vireo::load
