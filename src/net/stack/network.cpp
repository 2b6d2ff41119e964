// SPDX-License-Identifier: Apache-2.0
#include "net/stack/network.h"

#include "base/owned_array.h"
#include "net/stack/convert.h"
#include "net/stack/interface.h"
#include "net/stack/lwip/port.h"

namespace vireo::net {

namespace {

using event::Duration;

// lwIP's shortest timer is 50 ms.
constexpr Duration timer_step = Duration::milli(10);
constexpr Duration health_step = Duration::seconds(1);
Error somebody_has_it() { return error(ErrorCode::NotReady, "another machine has our IPv6 address"); }

void set_group(device::MacAddress& mac, std::initializer_list<u8> bytes) {
    std::copy_n(bytes.begin(), std::min(bytes.size(), mac.size()), mac.begin());
}

// The IPv6 groups that we are in: all nodes, and the solicited nodes of the addresses that are made of the
// MAC, which all end alike (RFC 2464, 7; RFC 4291, 2.7.1). A device that cannot choose delivers them anyway.
void set_filter(device::NetDevice& card) {
    const device::MacAddress& mac = card.facts().mac;
    device::MacAddress groups[2];
    set_group(groups[0], {0x33, 0x33, 0, 0, 0, 1});
    set_group(groups[1], {0x33, 0x33, 0xff, mac[3], mac[4], mac[5]});
    if (card.facts().filters)
        (void)card.set_filter({false, groups}).has_value(); // what it delivers besides is dropped here
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

// The key of the random numbers: from a device that has randomness, from what the host gave the machine, and
// from what differs between two machines, or two starts of one, in any case.
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
    random_.stir(std::as_bytes(std::span(card.facts().mac)));
    is_stirred_ = true;
    return {};
}

// What an onlooker does not know to the tick: when a command is typed, and when the frames of
// those before it came.
void Network::stir_time() {
    const u64 times[] = {arch::ticks(), interface_->timing()};
    random_.stir(std::as_bytes(std::span(times)));
}

Result<> Network::open(device::NetDevice& card) {
    close();
    VIREO_TRY(card.usable());
    if (!card.link_is_up())
        return error(ErrorCode::NotReady, "link is down");
    VIREO_TRY(stir_random(card));
    stir_time();
    health_ = {};
    next_look_ = event::now() + health_step;
    open_time_.emplace(event::Work::Network);
    loop_.add(*this);
    if (!interface_->attach(card, true))
        set_dns_servers({}); // those of another network
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
        interface_->look_at_neighbours();
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

// Until the link-local address is ours. Errors: NotReady (somebody else's), and those of wait().
Result<> Network::wait_for_link_local(const event::Patience& patience) {
    start_ipv6();
    auto state = [&] { return netif_ip6_addr_state(&interface_->lwip(), 0); };
    VIREO_TRY(wait(patience.deadline(),
                   [&] { return ip6_addr_isvalid(state()) || ip6_addr_isduplicated(state()); }));
    return ip6_addr_isvalid(state()) ? Result<>() : somebody_has_it();
}

Result<> Network::wait_for_ipv6(const IpAddress& destination, const event::Budget& budget) {
    event::Patience patience(loop_, budget);
    VIREO_TRY(wait_for_link_local(patience));
    ip_addr_t target = to_lwip(destination);
    if (ip6_addr_islinklocal(ip_2_ip6(&target)) || ip6_addr_ismulticast_linklocal(ip_2_ip6(&target)))
        return {};
    const netif& interface = interface_->lwip();
    auto is_any = [&](auto&& has_state) {
        for (int i = 1; i < LWIP_IPV6_NUM_ADDRESSES; ++i)
            if (has_state(netif_ip6_addr_state(&interface, i)))
                return true;
        return false;
    };
    auto has_address = [&] { return is_any([](u8_t state) { return ip6_addr_isvalid(state); }); };
    auto has_hope = [&] {
        return is_any([](u8_t state) { return ip6_addr_istentative(state); }) ||
               event::now() - interface_->ipv6_since() < router_patience;
    };
    VIREO_TRY(wait(patience.deadline(), [&] { return has_address() || !has_hope(); }));
    if (has_address())
        return {};
    if (is_any([](u8_t state) { return ip6_addr_isduplicated(state); }))
        return somebody_has_it();
    const auto routers = std::span(default_router_list, LWIP_ND6_NUM_ROUTERS);
    auto is_there = [](const nd6_router_list_entry& router) { return router.neighbor_entry != nullptr; };
    auto is_managed = [&](const nd6_router_list_entry& router) {
        return is_there(router) && (router.flags & ND6_RA_FLAG_MANAGED_ADDR_CONFIG) != 0;
    };
    if (std::ranges::any_of(routers, is_managed))
        return error(ErrorCode::NotReady, "no IPv6 address: the router wants DHCPv6, which is not supported");
    if (std::ranges::any_of(routers, is_there))
        return error(ErrorCode::NotReady, "no IPv6 address: the router announces no prefix for one");
    return {}; // route_to() says what can be reached without a router
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
