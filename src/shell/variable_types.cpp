// SPDX-License-Identifier: Apache-2.0
#include "shell/variable_types.h"

#include "base/parse.h"
#include "net/address.h"

namespace vireo::shell {

namespace {

// "ethaddr", "eth1addr", "eth15addr"
bool names_mac(std::string_view name) {
    if (!name.starts_with("eth") || !name.ends_with("addr") || name.size() < 7)
        return false;
    name = name.substr(3, name.size() - 7);
    return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

bool names_address(std::string_view name) {
    constexpr std::string_view names[] = {"ipaddr", "netmask", "gatewayip", "serverip", "dnsip", "dnsip2"};
    return std::ranges::find(names, name) != std::end(names);
}

} // namespace

VariableFault check_variable(const Environment& environment, std::string_view name, std::string_view value) {
    if (names_address(name) && !value.empty() && !net::IpAddress::parse(value))
        return VariableFault::NoIpAddress;
    if (!names_mac(name))
        return VariableFault::None;
    if (!value.empty() && !parse_mac(value))
        return VariableFault::NoMacAddress;
    auto present = environment.get(name);
    return present && *present != value ? VariableFault::SetOnce : VariableFault::None;
}

std::optional<device::MacAddress> parse_mac(std::string_view text) {
    device::MacAddress mac{};
    u8 sum = 0;
    usize length = text.size();
    for (u8& byte : mac) {
        std::string_view pair = split_first(text, ':');
        auto number = parse_number(pair, 16);
        if (!number || pair.size() != 2)
            return std::nullopt;
        byte = static_cast<u8>(*number);
        sum |= byte;
    }
    bool is_whole = length == 17; // nothing follows the sixth
    return is_whole && sum != 0 && (mac[0] & 1) == 0 ? std::optional(mac) : std::nullopt;
}

} // namespace vireo::shell
