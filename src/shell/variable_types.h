// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "device/net_device.h"
#include "shell/environment.h"

namespace vireo::shell {

// Some variables take only values of their kind: $ipaddr and its like an IP address, $ethaddr and $eth1addr and so on a
// hardware address, which moreover is set once: it is the card's. Those that say what the console is take what it is, and stay.
enum class VariableFault : u8 { None, NoIpAddress, NoMacAddress, SetOnce, OtherBaudRate, OtherConsole };

// What $baudrate and each of $stdin, $stdout, $stderr are. The serial port is left as the host has set it up; on these boards it
// has no speed.
inline constexpr std::string_view console_baud_rate = "115200";
inline constexpr std::string_view console_device = "serial";
inline constexpr std::string_view console_streams[] = {"stdin", "stdout", "stderr"};

// Why the user may not set, or delete (empty value), this variable.
VariableFault check_variable(const Environment& environment, std::string_view name, std::string_view value);

// What is wrong with the value, in a few words.
std::string_view describe(VariableFault fault);

// The same to who typed it, in U-Boot's words: one or two lines.
void print_fault(Writer& out, VariableFault fault, std::string_view name, std::string_view value);

// "52:54:00:12:34:56" of a single card: neither a group's nor 0.
std::optional<device::MacAddress> parse_mac(std::string_view text);

} // namespace vireo::shell
