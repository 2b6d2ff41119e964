// SPDX-License-Identifier: Apache-2.0
#include "net/network.h"

#include "base/owned_array.h"
#include "net/convert.h"
#include "net/interface.h"
#include "net/lwip/port.h"

namespace vireo::net {

namespace {

using event::Duration;

// lwIP's shortest timer is 50 ms.
constexpr Duration timer_step = Duration::milli(10);
constexpr Duration health_step = Duration::seconds(1);
// A router answers a solicitation within half a second (RFC 4861, 6.2.6); then the address is probed for a second.
constexpr Duration router_patience = Duration::seconds(3);

void set_group(device::MacAddress& mac, std::initializer_list<u8> bytes) {
    std::copy_n(bytes.begin(), std::min(bytes.size(), mac.size()), mac.begin());
}

// The IPv6 groups that we are in: all nodes, and the solicited nodes of the addresses that are made of the MAC, which all
// end alike (RFC 2464, 7; RFC 4291, 2.7.1). A device that cannot choose delivers them anyway.
void set_filter(device::NetDevice& card) {
    const device::MacAddress& mac = card.facts().mac;
    device::MacAddress groups[2];
    set_group(groups[0], {0x33, 0x33, 0, 0, 0, 1});
    set_group(groups[1], {0x33, 0x33, 0xff, mac[3], mac[4], mac[5]});
    if (card.facts().filters)
        (void)card.set_filter({false, groups}).has_value(); // what it delivers besides is dropped here
}

// RFC 1035, 2.3.4, with a dot at the end or without: lwIP would send labels of any length.
bool is_host_name(std::string_view name) {
    constexpr usize most_label_bytes = 63, most_name_bytes = 253;
    if (name.ends_with('.'))
        name.remove_suffix(1);
    if (name.size() > most_name_bytes)
        return false;
    for (;;) {
        usize end = std::min(name.find('.'), name.size());
        if (end == 0 || end > most_label_bytes)
            return false;
        if (end == name.size())
            return true;
        name.remove_prefix(end + 1);
    }
}

// The server that is asked first.
IpAddress name_server() {
    for (u8 i = 0; i < DNS_MAX_SERVERS; ++i)
        if (!ip_addr_isany(dns_getserver(i)))
            return from_lwip(*dns_getserver(i));
    return {};
}

} // namespace

Network::Network(event::EventLoop& loop, const device::Registry& devices, Bytes seed)
    : loop_(loop), devices_(devices), seed_(seed) {
    set_lwip_random(&random_);
    interface_ = VIREO_MUST(make_owned<Interface>());
}

Network::~Network() {
    close();
    interface_.reset();
    set_lwip_random(nullptr);
}

device::NetDevice* Network::card() const { return interface_->card(); }

// The key of the random numbers: from a device that has randomness, from what the host gave the machine, and from what differs
// between two machines, or two starts of one, in any case.
Result<> Network::stir_random(const device::NetDevice& card) {
    if (is_stirred_)
        return {};
    for (u64 i = 0; i < devices_.entropy.count(); ++i) {
        device::EntropySource* source = devices_.entropy.find(i);
        std::byte key[16];
        auto filled = source ? source->read(key) : error(ErrorCode::NotFound, "no such device");
        if (filled) {
            random_.stir(key);
            break;
        }
        if (filled.error().code == ErrorCode::Interrupted)
            return filled;
    }
    random_.stir(seed_);
    u64 ticks = arch::ticks();
    random_.stir(std::as_bytes(std::span(&ticks, 1)));
    random_.stir(std::as_bytes(std::span(card.facts().mac)));
    is_stirred_ = true;
    return {};
}

Result<> Network::open(device::NetDevice& card) {
    close();
    VIREO_TRY(card.usable());
    if (!card.link_is_up())
        return error(ErrorCode::NotReady, "link is down");
    VIREO_TRY(stir_random(card));
    health_ = {};
    next_look_ = event::now() + health_step;
    open_time_.emplace(event::Work::Network);
    loop_.add(*this);
    interface_->attach(card, true);
    return {};
}

// Most commands do without: it would cost each first one its time, and the network some frames.
void Network::start_ipv6() {
    if (!card() || interface_->has_ipv6())
        return;
    set_filter(*card());
    interface_->start_ipv6();
}

void Network::close() {
    if (!card())
        return;
    interface_->detach();
    event::EventLoop::remove(*this);
    open_time_.reset();
}

bool Network::poll() {
    auto current = loop_.turn_time();
    if (current >= next_timers_) {
        next_timers_ = current + timer_step;
        in_timers_ = true;
        sys_check_timeouts();
        in_timers_ = false;
    }
    if (current >= next_look_) {
        next_look_ = current + health_step;
        if (health_)
            health_ = card()->usable();
        if (health_ && !netif_is_link_up(&interface_->lwip()))
            health_ = error(ErrorCode::NotReady, "link is down");
    }
    return false;
}

void Network::set_ipv4(const Ipv4Settings& settings) {
    ip_addr_t address = to_lwip(settings.address);
    ip_addr_t netmask = to_lwip(settings.netmask);
    ip_addr_t gateway = to_lwip(settings.gateway);
    netif_set_addr(&interface_->lwip(), ip_2_ip4(&address), ip_2_ip4(&netmask), ip_2_ip4(&gateway));
}

void Network::set_dns_servers(std::span<const IpAddress> servers) {
    for (u8 i = 0; i < DNS_MAX_SERVERS; ++i) {
        ip_addr_t server = to_lwip(i < servers.size() ? servers[i] : IpAddress{});
        dns_setserver(i, &server);
    }
}

Result<IpAddress> Network::resolve(std::string_view name, IpAddress::Family family) {
    if (auto literal = IpAddress::parse(name))
        return *literal;
    if (!is_host_name(name))
        return error(ErrorCode::InvalidArgument, "not a host name");
    char text[DNS_MAX_NAME_LENGTH] = {};
    std::ranges::copy(name, text);
    // Where nobody said which server, a router may; one that is reached by IPv6 needs an address of ours.
    if (!name_server().is_v4()) {
        auto ready = wait_for_ipv6(ipv6_patience);
        if (!ready && ready.error().code != ErrorCode::Timeout)
            return ready.error();
    }
    if (!name_server().is_set())
        return error(ErrorCode::NotReady, "no DNS server known");

    // lwIP cannot be told to forget a question: the answer to one that we gave up finds that it is not the current one.
    struct Query {
        Network* network;
        bool is_done = false;
        bool has_timed_out = false;
        ip_addr_t address{};
    };
    static constinit Query* current = nullptr;
    static constinit u32 number = 0;
    Query query{this};
    current = &query;
    ++number;
    auto answered = [](const char*, const ip_addr_t* address, void* argument) {
        if (!current || static_cast<u32>(mem_ptr_t(argument)) != number)
            return;
        current->is_done = true;
        current->has_timed_out = !address && current->network->in_timers_;
        if (address)
            current->address = *address;
    };
    u8 type = family == IpAddress::Family::V6 ? LWIP_DNS_ADDRTYPE_IPV6 : LWIP_DNS_ADDRTYPE_IPV4;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): lwIP hands it back as it is
    auto tag = (void*)mem_ptr_t{number};
    err_t begun = dns_gethostbyname_addrtype(text, &query.address, answered, tag, type);
    Result<> ended{};
    if (begun == ERR_INPROGRESS)
        ended = wait(Duration::seconds(20), [&] { return query.is_done; });
    current = nullptr;
    if (begun != ERR_OK && begun != ERR_INPROGRESS)
        return begun == ERR_MEM ? to_error(begun) : error(ErrorCode::InvalidArgument, "not a host name");
    VIREO_TRY(ended);
    if (query.has_timed_out)
        return error(ErrorCode::Timeout, "DNS server does not answer");
    IpAddress result = from_lwip(query.address);
    if (!result.is_set())
        return error(ErrorCode::NotFound, "no such host");
    return result;
}

Result<> Network::wait_for_ipv6(Duration patience) {
    start_ipv6();
    const netif& interface = interface_->lwip();
    auto has_router = [] {
        return std::ranges::any_of(std::span(default_router_list, LWIP_ND6_NUM_ROUTERS),
                                   [](const nd6_router_list_entry& router) { return router.neighbor_entry; });
    };
    return wait(patience, [&] {
        for (int i = 1; i < LWIP_IPV6_NUM_ADDRESSES; ++i)
            if (ip6_addr_isvalid(netif_ip6_addr_state(&interface, i)))
                return true;
        return ip6_addr_isvalid(netif_ip6_addr_state(&interface, 0)) && !has_router() &&
               event::now() - interface_->ipv6_since() >= router_patience;
    });
}

Result<Network::Route> Network::route_to(const IpAddress& destination) const {
    if (!card())
        return error(ErrorCode::NotReady, "network is not open");
    const netif& interface = interface_->lwip();
    ip_addr_t target = to_lwip(destination);
    if (destination.is_v4()) {
        Route route{from_lwip(*netif_ip4_addr(&interface)), {}};
        if (!route.source.is_set())
            return error(ErrorCode::NotReady, "no IPv4 address");
        if (!ip4_addr_net_eq(ip_2_ip4(&target), netif_ip4_addr(&interface), netif_ip4_netmask(&interface))) {
            route.gateway = from_lwip(*netif_ip4_gw(&interface));
            if (!route.gateway.is_set())
                return error(ErrorCode::NotReady, "no route to host: not in our network, and no gateway");
        }
        return route;
    }
    const ip_addr_t* source =
        destination.is_v6() ? ip6_select_source_address(&interface_->lwip(), ip_2_ip6(&target)) : nullptr;
    if (!source)
        return error(ErrorCode::NotReady, "no IPv6 address");
    Route route{from_lwip(*source), {}};
    auto is_on_link = [&](const nd6_prefix_list_entry& entry) {
        return entry.netif && ip6_addr_net_eq(&entry.prefix, ip_2_ip6(&target));
    };
    if (ip6_addr_islinklocal(ip_2_ip6(&target)) || ip6_addr_ismulticast(ip_2_ip6(&target)) ||
        std::ranges::any_of(std::span(prefix_list, LWIP_ND6_NUM_PREFIXES), is_on_link))
        return route;
    for (const nd6_router_list_entry& router : std::span(default_router_list, LWIP_ND6_NUM_ROUTERS))
        if (router.neighbor_entry) {
            route.gateway = from_lwip(router.neighbor_entry->next_hop_address);
            return route;
        }
    return error(ErrorCode::NotReady, "no route to host: not in our network, and no router");
}

} // namespace vireo::net
