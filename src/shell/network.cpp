// SPDX-License-Identifier: Apache-2.0
#include "shell/network.h"

#include "shell/arguments.h"
#include "shell/variables/variable_types.h"

namespace vireo::shell {

namespace {

// By its own name, or as `net list` numbers it: "eth1".
bool has_name(const device::NetDevice& card, usize number, std::string_view name) {
    StringBuffer<64> own;
    card.print_name(own);
    StringBuffer<16> numbered;
    print(numbered, "eth{}", number);
    return own.view() == name || numbered.view() == name;
}

} // namespace

device::NetDevice* active_card(Context& context, usize& number) {
    const auto& cards = context.devices.net;
    auto wanted = context.environment.get("ethact");
    bool has_card = false;
    for (number = 0; number < cards.count(); ++number) {
        device::NetDevice* card = cards.find(number);
        if (card && (!wanted || wanted->empty() || has_name(*card, number, *wanted)))
            return card;
        has_card |= card != nullptr;
    }
    if (has_card)
        print(context.console, "No network card '{}' ($ethact); 'net list' shows those that are there\n",
              *wanted);
    else
        context.console.write("No ethernet found.\n");
    return nullptr;
}

StringBuffer<16> mac_variable(usize number) {
    StringBuffer<16> name;
    if (number == 0)
        name.write("ethaddr");
    else
        print(name, "eth{}addr", number);
    return name;
}

void print_mac(Writer& out, const device::MacAddress& mac) {
    std::string_view separator = "";
    for (u8 byte : mac)
        print(out, "{}{:02x}", std::exchange(separator, ":"), byte);
}

void set_card_variables(Context& context) {
    const auto& cards = context.devices.net;
    for (usize number = 0; number < cards.count(); ++number) {
        const device::NetDevice* card = cards.find(number);
        if (!card)
            continue;
        StringBuffer<64> text;
        card->print_name(text);
        if (!context.environment.get("ethact"))
            (void)context.environment.set("ethact", text.view());
        auto name = mac_variable(number);
        text.clear();
        print_mac(text, card->facts().mac);
        if (!context.environment.get(name.view()))
            (void)context.environment.set(name.view(), text.view());
    }
}

net::IpAddress address_variable(Context& context, std::string_view name) {
    auto value = context.environment.get(name);
    return value ? net::IpAddress::parse(*value).value_or(net::IpAddress()) : net::IpAddress();
}

NetworkSession::NetworkSession(Context& context) : context_(context) {
    usize number = 0;
    card_ = active_card(context, number);
    if (!card_)
        return;
    set_card_variables(context); // it may have come later than the others
    card_->revive();
    if (set_up(number))
        take_addresses();
    else
        card_ = nullptr;
}

NetworkSession::~NetworkSession() {
    if (card_)
        network().close();
}

bool NetworkSession::set_up(usize number) {
    StringBuffer<64> name;
    card_->print_name(name);
    auto wanted = parse_mac(context_.environment.get(mac_variable(number).view()).value_or(""));
    if (wanted && *wanted != card_->facts().mac) {
        if (auto set = card_->set_mac(*wanted); !set) {
            print(context_.console, "{}: cannot take the address in ${}: ", name.view(),
                  mac_variable(number).view());
            print_error(context_.console, set.error());
            return false;
        }
    }
    auto opened = network().open(*card_);
    if (!opened)
        fail(context_, name.view(), opened.error());
    return opened.has_value();
}

void NetworkSession::take_addresses() {
    net::Ipv4Settings settings;
    auto take = [&](net::IpAddress& target, std::string_view name) {
        if (auto address = address_variable(context_, name); address.is_v4())
            target = address;
    };
    take(settings.address, "ipaddr");
    take(settings.netmask, "netmask");
    take(settings.gateway, "gatewayip");
    network().set_ipv4(settings);
    FixedVector<net::IpAddress, 2> servers;
    for (std::string_view name : {"dnsip", "dnsip2"})
        if (auto server = address_variable(context_, name); server.is_set())
            (void)servers.try_push_back(server);
    network().set_dns_servers({servers.data(), servers.size()}); // none: those that a router announces
}

void NetworkSession::print_card() const {
    context_.console.write("Using ");
    card_->print_name(context_.console);
    context_.console.write(" device\n");
}

void print_host_failure(Context& context, std::string_view host, const load::Failure& failure) {
    using Kind = load::Failure::Kind;
    Writer& out = context.console;
    switch (failure.kind) {
    case Kind::NotAnAddress:
        return print(out, "'{}': not an IP address\n", host);
    case Kind::UnknownHost:
        return out.write("DNS: host not found\n");
    case Kind::NoNameServer:
        return out.write("*** ERROR: DNS server address not given\n");
    case Kind::NoIpv4Address:
        return out.write("*** ERROR: `ipaddr' not set\n");
    default:
        break;
    }
    if (failure.why.code == ErrorCode::Interrupted)
        return;
    StringBuffer<48> name;
    failure.server.print(name);
    (void)fail(context, failure.kind == Kind::NoWay ? name.view() : "DNS", failure.why);
}

bool NetworkSession::has_ipv4() const { return address_variable(context_, "ipaddr").is_v4(); }

std::optional<net::IpAddress> NetworkSession::find(std::string_view host) {
    load::Failure failure;
    auto found = load::find_host(network(), host, has_ipv4(), failure);
    if (found)
        return *found;
    print_host_failure(context_, host, failure);
    return std::nullopt;
}

std::optional<net::Network::Route> NetworkSession::route(const net::IpAddress& host) {
    load::Failure failure;
    auto way = load::find_way(network(), host, has_ipv4(), failure);
    if (way)
        return *way;
    print_host_failure(context_, {}, failure);
    return std::nullopt;
}

} // namespace vireo::shell
