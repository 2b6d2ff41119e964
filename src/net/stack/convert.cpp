// SPDX-License-Identifier: Apache-2.0
#include "net/stack/convert.h"

namespace vireo::net {

ip_addr_t to_lwip(const IpAddress& address) {
    ip_addr_t result{};
    if (address.is_v6()) {
        ip6_addr_t v6{};
        std::memcpy(v6.addr, address.bytes.data(), sizeof(v6.addr));
        ip_addr_copy_from_ip6(result, v6);
    } else {
        ip4_addr_t v4{};
        std::memcpy(&v4.addr, address.bytes.data(), sizeof(v4.addr)); // both in network order
        ip_addr_copy_from_ip4(result, v4);
    }
    return result;
}

IpAddress from_lwip(const ip4_addr_t& address) {
    return ip4_addr_isany_val(address) ? IpAddress{} : IpAddress::from_v4(lwip_ntohl(address.addr));
}

IpAddress from_lwip(const ip6_addr_t& address) {
    if (ip6_addr_isany_val(address))
        return {};
    IpAddress result{IpAddress::Family::V6};
    std::memcpy(result.bytes.data(), address.addr, sizeof(address.addr));
    return result;
}

IpAddress from_lwip(const ip_addr_t& address) {
    return IP_IS_V6_VAL(address) ? from_lwip(*ip_2_ip6(&address)) : from_lwip(*ip_2_ip4(&address));
}

Error to_error(err_t code) {
    switch (code) {
    case ERR_MEM:
    case ERR_BUF:
        return error(ErrorCode::NoMemory, "no memory for packets");
    case ERR_RTE:
        return error(ErrorCode::NotReady, "no route to host");
    case ERR_IF:
        return error(ErrorCode::NotReady, "network is not open");
    case ERR_USE:
        return error(ErrorCode::NotReady, "port is in use");
    default:
        return error(ErrorCode::InvalidArgument, "not a usable address");
    }
}

} // namespace vireo::net
