// SPDX-License-Identifier: Apache-2.0
// The network itself: dhcp, ping, ping6, dns, net.
#include "shell/arguments.h"
#include "shell/character.h"
#include "shell/commands/net_files.h"

namespace vireo::shell {
namespace {

using net::IpAddress;

constexpr event::Duration dhcp_patience = event::Duration::seconds(20);
constexpr event::Duration ping_patience = event::Duration::seconds(5);

// Sets a variable to a text from the network, unless there is none. What cannot be a value is left out.
void set_text(Context& context, std::string_view name, std::string_view text) {
    if (!text.empty() && harmless_bytes(text) == text.size())
        (void)context.environment.set(name, text);
}

void set_address(Context& context, std::string_view name, const IpAddress& address) {
    if (!address.is_set())
        return;
    StringBuffer<48> text;
    address.print(text);
    set_text(context, name, text.view());
}

void set_lease_variables(Context& context, const NetworkSession& session, const net::DhcpLease& lease) {
    set_address(context, "ipaddr", lease.ipv4.address);
    set_address(context, "netmask", lease.ipv4.netmask);
    set_address(context, "gatewayip", lease.ipv4.gateway);
    set_address(context, "dnsip", lease.dns[0]);
    set_address(context, "dnsip2", lease.dns[1]);
    set_address(context, "serverip", lease.next_server);
    set_text(context, "bootfile", lease.boot_file.view());
    set_text(context, "hostname", lease.host_name.view());
    set_text(context, "rootpath", lease.root_path.view());
    set_text(context, "domain", lease.domain.view());
    StringBuffer<64> name;
    session.card().print_name(name);
    set_text(context, "ethact", name.view());
}

// $autoload is not set, or says yes.
bool wants_file(const Context& context) {
    auto value = context.environment.get("autoload");
    return !value || value->find_first_of("1yYtT") == 0;
}

int dhcp(Context& context, Arguments arguments) {
    NetworkSession session(context);
    if (!session)
        return status_failed;
    event::Instant start = event::now();
    auto lease = session.network().dhcp(context.console, dhcp_patience);
    if (!lease) {
        if (lease.error().code != ErrorCode::Interrupted)
            fail(context, "DHCP failed", lease.error());
        return status_failed;
    }
    context.console.write("DHCP client bound to address ");
    lease->ipv4.address.print(context.console);
    print(context.console, " ({} ms)\n", (event::now() - start).microseconds / 1000);
    set_lease_variables(context, session, *lease);
    IpAddress servers[2];
    std::ranges::copy(lease->dns, servers);
    session.network().set_dns_servers(servers);
    return wants_file(context) ? load_net_file(context, session, arguments.subspan(1)) : status_ok;
}

int ping(Context& context, Arguments arguments, IpAddress::Family family) {
    NetworkSession session(context);
    auto host = session ? session.find(arguments[1]) : std::nullopt;
    if (!host)
        return status_failed;
    if (host->family != family) {
        print(context.console, "'{}': {} wanted\n", arguments[1],
              family == IpAddress::Family::V4 ? "an IPv4 address is" : "an IPv6 address is");
        return status_failed;
    }
    if (!session.route(*host))
        return status_failed;
    session.print_card();
    auto answered = session.network().ping(*host, ping_patience);
    StringBuffer<64> name;
    host->print(name);
    if (answered)
        print(context.console, "host {} is alive\n", name.view());
    else if (answered.error().code == ErrorCode::Timeout)
        print(context.console, "ping failed; host {} is not alive\n", name.view());
    else if (answered.error().code != ErrorCode::Interrupted)
        fail(context, "ping failed", answered.error());
    return answered ? status_ok : status_failed;
}

int ping4(Context& context, Arguments arguments) { return ping(context, arguments, IpAddress::Family::V4); }
int ping6(Context& context, Arguments arguments) { return ping(context, arguments, IpAddress::Family::V6); }

int dns(Context& context, Arguments arguments) {
    NetworkSession session(context);
    auto address = session ? session.find(arguments[1]) : std::nullopt;
    if (!address)
        return status_failed;
    StringBuffer<64> text;
    address->print(text);
    print(context.console, "{}\n", text.view());
    if (arguments.size() < 3)
        return status_ok;
    auto set = context.environment.set(arguments[2], text.view());
    return set ? status_ok : fail(context, arguments[2], set.error());
}

// "eth0 : virtio-net#0"
void print_card(Writer& out, usize number, const device::NetDevice& card) {
    print(out, "eth{} : ", number);
    card.print_name(out);
}

int list(Context& context) {
    Writer& out = context.console;
    usize active;
    const device::NetDevice* used = active_card(context, active);
    if (!used && context.devices.net.count() == 0)
        return status_failed;
    for (usize number = 0; number < context.devices.net.count(); ++number) {
        device::NetDevice* card = context.devices.net.find(number);
        if (!card)
            continue;
        print_card(out, number, *card);
        out.write(" ");
        print_mac(out, card->facts().mac);
        if (card == used)
            out.write(" active");
        if (!card->link_is_up())
            out.write(" link down");
        out.write("\n");
    }
    return used ? status_ok : status_failed;
}

void print_statistics(Writer& out, const device::NetStatistics& statistics) {
    const struct {
        std::string_view name;
        u64 value;
    } lines[] = {{"frames received", statistics.frames_received},
                 {"bytes received", statistics.bytes_received},
                 {"buffers received", statistics.buffers_received},
                 {"frames sent", statistics.frames_sent},
                 {"bytes sent", statistics.bytes_sent},
                 {"bad frames dropped", statistics.dropped_bad},
                 {"unheard frames dropped", statistics.dropped_unheard},
                 {"frames not sent", statistics.refused}};
    for (const auto& line : lines)
        print(out, "  {:<24}{}\n", line.name, line.value);
}

int statistics(Context& context, Arguments arguments) {
    auto wanted = arguments.empty() ? std::optional<u64>(0) : number_argument(context, arguments[0], 10);
    if (!wanted)
        return status_failed;
    bool is_any = false;
    for (usize number = 0; number < context.devices.net.count(); ++number) {
        const device::NetDevice* card = context.devices.net.find(number);
        if (!card || (!arguments.empty() && number != *wanted))
            continue;
        is_any = true;
        print_card(context.console, number, *card);
        context.console.write("\n");
        print_statistics(context.console, card->statistics());
    }
    if (!is_any && !arguments.empty())
        print(context.console, "eth{}: no such card\n", *wanted);
    else if (!is_any)
        context.console.write("No ethernet found.\n");
    return is_any ? status_ok : status_failed;
}

int net_command(Context& context, Arguments arguments) {
    if (arguments[1] == "list" && arguments.size() == 2)
        return list(context);
    if (arguments[1] == "stats")
        return statistics(context, arguments.subspan(2));
    return status_usage;
}

VIREO_COMMAND(dhcp_command) = {
    .name = "dhcp",
    .summary = "get an address and a file over the network",
    .usage =
        "dhcp [addr] [[ip:]file] - ask for an address by DHCP, then load a file as tftpboot does (unless\n"
        "     $autoload is 'no'). Sets $ipaddr, $netmask, $gatewayip, $dnsip, $serverip, $bootfile, "
        "$hostname.",
    .run = dhcp,
    .max_words = 3,
};
VIREO_COMMAND(ping_command) = {
    .name = "ping",
    .summary = "see whether a host answers",
    .usage = "ping host - send an echo request to an IPv4 address (or a name)",
    .run = ping4,
    .min_words = 2,
    .max_words = 2,
};
VIREO_COMMAND(ping6_command) = {
    .name = "ping6",
    .summary = "see whether a host answers by IPv6",
    .usage = "ping6 host - send an echo request to an IPv6 address (or a name)",
    .run = ping6,
    .min_words = 2,
    .max_words = 2,
};
VIREO_COMMAND(dns_command) = {
    .name = "dns",
    .summary = "look up the address of a host",
    .usage = "dns host [variable] - ask the server $dnsip; print the address, set 'variable' to it",
    .run = dns,
    .min_words = 2,
    .max_words = 3,
};
VIREO_COMMAND(net_command_entry) = {
    .name = "net",
    .summary = "network cards",
    .usage = "net list - list the cards; the active one is used ($ethact)\n"
             "net stats [number] - print what was counted about one or all cards",
    .run = net_command,
    .min_words = 2,
    .max_words = 3,
    .subcommands = "list stats",
};

} // namespace
} // namespace vireo::shell
