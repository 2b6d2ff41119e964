// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/net_device.h"
#include "shell/environment.h"

namespace vireo::shell {

// Some variables take only values of their kind: $ipaddr and its like an IP address, $ethaddr and $eth1addr and so on a
// hardware address, which moreover is set once: it is the card's.
enum class VariableFault : u8 { None, NoIpAddress, NoMacAddress, SetOnce };

// Why the user may not set, or delete (empty value), this variable.
VariableFault check_variable(const Environment& environment, std::string_view name, std::string_view value);

// "52:54:00:12:34:56" of a single card: neither a group's nor 0.
std::optional<device::MacAddress> parse_mac(std::string_view text);

} // namespace vireo::shell
