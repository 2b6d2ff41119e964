// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "device/net_device.h"
#include "shell/variables/environment.h"
#include "system/console.h"

namespace vireo::shell {

// Some variables take only values of their kind: $ipaddr and its like an IP address, $ethaddr and $eth1addr
// and so on a hardware address, which moreover is set once: it is the card's. $stdin, $stdout, $stderr take
// names of the console's ports with commas between them, and stay.
enum class VariableFault : u8 { None, NoIpAddress, NoMacAddress, SetOnce, OtherBaudRate, OtherConsole };

// What $baudrate is. The serial port is left as the host has set it up; on these boards it has no speed.
inline constexpr std::string_view console_baud_rate = "115200";

// The variables that say what the console is.
struct ConsoleVariable {
    std::string_view name;
    system::Console::Stream stream;
};
inline constexpr ConsoleVariable console_variables[] = {{"stdin", system::Console::Stream::Input},
                                                        {"stdout", system::Console::Stream::Output},
                                                        {"stderr", system::Console::Stream::Errors}};

// Makes the console what these variables say; a stream whose variable is not set, or names no port, stays as
// it is. To be called after each change of variables that the user may make.
void apply_console_variables(const Environment& environment, system::Console& console);

// Why the user may not set, or delete (empty value), this variable.
VariableFault check_variable(const Environment& environment, const system::Console& console,
                             std::string_view name, std::string_view value);

// What is wrong with the value, in a few words.
void describe(Writer& out, VariableFault fault, const system::Console& console);

// The same to who typed it, in U-Boot's words: one or two lines.
void print_fault(system::Console& console, VariableFault fault, std::string_view name,
                 std::string_view value);

// "52:54:00:12:34:56" of a single card: neither a group's nor 0.
std::optional<device::MacAddress> parse_mac(std::string_view text);

} // namespace vireo::shell
