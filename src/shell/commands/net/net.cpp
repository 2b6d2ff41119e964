// SPDX-License-Identifier: Apache-2.0
// The network itself: dhcp, ping, ping6, dns, net.
#include "shell/arguments.h"
#include "shell/commands/net/net_files.h"
#include "shell/line/character.h"

namespace vireo::shell {
namespace {

using net::IpAddress;

constexpr event::Budget dhcp_budget = event::Budget::total(event::Duration::seconds(20));
constexpr event::Budget ping_budget = event::Budget::total(event::Duration::seconds(5));

// Sets a variable to a text from the network, unless there is none; a line if it cannot be a value.
void set_text(Context& context, std::string_view name, std::string_view text) {
    if (text.empty())
        return;
    if (harmless_bytes(text) != text.size()) {
        print(context.console, "DHCP: ${} is not set: control characters in what the server gave\n", name);
        return;
    }
    if (auto set = context.environment.set(name, text); !set)
        fail(context, name, set.error());
}

void set_address(Context& context, std::string_view name, const IpAddress& address) {
    if (!address.is_set())
        return;
    StringBuffer<48> text;
    address.print(text);
    set_text(context, name, text.view());
}

void set_lease_variables(Context& context, const NetworkSession& session, const net::DhcpLease& lease) {
    using Option = net::DhcpOption;
    const struct {
        std::string_view name;
        IpAddress address;
    } addresses[] = {{"ipaddr", lease.ipv4.address},    {"netmask", lease.ipv4.netmask},
                     {"gatewayip", lease.ipv4.gateway}, {"dnsip", lease.dns[0]},
                     {"dnsip2", lease.dns[1]},          {"serverip", lease.next_server}};
    for (const auto& [name, address] : addresses)
        set_address(context, name, address);
    const struct {
        std::string_view name;
        std::string_view text;
    } texts[] = {{"bootfile", lease.boot_file},
                 {"hostname", lease.answer.text(Option::HostName)},
                 {"rootpath", lease.answer.text(Option::RootPath)},
                 {"domain", lease.answer.text(Option::DomainName)},
                 {"pxeconfigfile", lease.answer.text(Option::ConfigFile)},
                 {"pxepathprefix", lease.answer.text(Option::PathPrefix)}};
    for (const auto& [name, text] : texts)
        set_text(context, name, text);
    StringBuffer<64> name;
    session.card().print_name(name);
    set_text(context, "ethact", name.view());
}

// A server that is only named. It is no failure if nobody knows it: the address is ours, and
// another server may be set.
void find_named_server(Context& context, NetworkSession& session, std::string_view name) {
    if (name.empty())
        return;
    if (auto address = harmless_bytes(name) == name.size() ? session.find(name) : std::nullopt)
        return set_address(context, "serverip", *address);
    context.console.write("DHCP: $serverip is not set: no address for the server '");
    print_untrusted(context.console, name);
    context.console.write("'\n");
}

// $bootp_vci and $bootp_arch, or what we are. Nothing, and one line, if they cannot be sent.
std::optional<net::DhcpClient> dhcp_client(Context& context) {
    net::DhcpClient client{.architecture = context.machine.dhcp_architecture()};
    if (auto name = context.environment.get("bootp_vci"))
        client.vendor_class = *name;
    if (client.vendor_class.size() > net::DhcpClient::most_class_bytes) {
        print(context.console, "'bootp_vci': more than {} bytes\n", net::DhcpClient::most_class_bytes);
        return std::nullopt;
    }
    std::string_view text = context.environment.get("bootp_arch").value_or("");
    if (text.empty())
        return client;
    auto number = number_argument(context, text);
    if (!number)
        return std::nullopt;
    if (*number > 0xffff) {
        context.console.write("'bootp_arch': a number up to ffff (hexadecimal) is wanted\n");
        return std::nullopt;
    }
    client.architecture = static_cast<u16>(*number);
    return client;
}

// $autoload is not set, or says yes.
bool wants_file(const Context& context) {
    auto value = context.environment.get("autoload");
    return !value || value->find_first_of("1yYtT") == 0;
}

class DhcpDisplay final : public net::DhcpWatcher {
  public:
    explicit DhcpDisplay(Writer& out) : out_(out) {}
    void asks(u32 number) override { print(out_, "BOOTP broadcast {}\n", number); }

  private:
    Writer& out_;
};

int dhcp(Context& context, Arguments arguments) {
    auto client = dhcp_client(context);
    if (!client)
        return status_failed;
    NetworkSession session(context);
    if (!session)
        return status_failed;
    event::Instant start = event::now();
    DhcpDisplay display(context.console);
    auto lease = session.network().dhcp(display, *client, dhcp_budget);
    if (!lease) {
        if (lease.error().code != ErrorCode::Interrupted)
            fail(context, "DHCP failed", lease.error());
        return status_failed;
    }
    context.console.write("DHCP client bound to address ");
    lease->ipv4.address.print(context.console);
    print(context.console, " ({} ms)\n", (event::now() - start).microseconds / 1000);
    set_lease_variables(context, session, *lease);
    session.take_addresses(); // what the server did not say, the variables still do
    find_named_server(context, session, lease->server_name);
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
    auto answered = session.network().ping(*host, ping_budget);
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
        "$hostname.\n"
        "     $bootp_vci and $bootp_arch (hexadecimal) say to the server what asks.",
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
