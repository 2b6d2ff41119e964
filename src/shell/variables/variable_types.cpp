// SPDX-License-Identifier: Apache-2.0
#include "shell/variables/variable_types.h"

#include "base/parse.h"
#include "net/address.h"
#include "shell/arguments.h"

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

bool names_stream(std::string_view name) {
    return std::ranges::find(console_variables, name, &ConsoleVariable::name) != std::end(console_variables);
}

} // namespace

void apply_console_variables(const Environment& environment, system::Console& console) {
    for (const ConsoleVariable& variable : console_variables)
        if (auto names = environment.get(variable.name))
            (void)console.choose(variable.stream, *names).has_value();
}

VariableFault check_variable(const Environment& environment, const system::Console& console,
                             std::string_view name, std::string_view value) {
    if (names_address(name) && !value.empty() && !net::IpAddress::parse(value))
        return VariableFault::NoIpAddress;
    if (name == "baudrate" && value != console_baud_rate)
        return VariableFault::OtherBaudRate;
    if (names_stream(name) && !console.knows(value))
        return VariableFault::OtherConsole;
    if (!names_mac(name))
        return VariableFault::None;
    if (!value.empty() && !parse_mac(value))
        return VariableFault::NoMacAddress;
    auto present = environment.get(name);
    return present && *present != value ? VariableFault::SetOnce : VariableFault::None;
}

void describe(Writer& out, VariableFault fault, const system::Console& console) {
    switch (fault) {
    case VariableFault::None:
        break;
    case VariableFault::NoIpAddress:
        out.write("not an IP address");
        break;
    case VariableFault::NoMacAddress:
        out.write("not a card's hardware address");
        break;
    case VariableFault::SetOnce:
        out.write("set already");
        break;
    case VariableFault::OtherBaudRate:
        out.write("the console has 115200 bps and no other rate");
        break;
    case VariableFault::OtherConsole:
        out.write(console.port_count() == 1 ? "the console is " : "the consoles are ");
        console.print_port_names(out);
        out.write(" and nothing else");
        break;
    }
}

void print_fault(system::Console& console, VariableFault fault, std::string_view name,
                 std::string_view value) {
    Writer& out = console;
    bool is_console = fault == VariableFault::OtherBaudRate || fault == VariableFault::OtherConsole;
    switch (fault) {
    case VariableFault::SetOnce:
        print(out, "## Error: Can't {} \"{}\"\n", value.empty() ? "delete" : "overwrite", name);
        break;
    case VariableFault::OtherBaudRate:
        if (value.empty()) {
            out.write("## Baudrate may not be deleted\n");
            return;
        }
        out.write("## Baudrate ");
        print_untrusted(out, value);
        out.write(" bps not supported\n");
        break;
    case VariableFault::OtherConsole:
        if (value.empty()) {
            print(out, "Can't delete \"{}\"\n", name);
            return;
        }
        out.write("## Error: ");
        describe(out, fault, console);
        out.write("\n");
        break;
    default:
        print(out, "## Error: flags type check failure for \"{}\" <= \"", name);
        print_untrusted(out, value);
        print(out, "\" (type: {})\n", fault == VariableFault::NoIpAddress ? 'i' : 'm');
    }
    print(out, "## Error inserting \"{}\" variable, errno={}\n", name, is_console ? 22 : 1);
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
