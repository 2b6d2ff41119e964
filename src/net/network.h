// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/net_device.h"
#include "event/event_loop.h"
#include "net/address.h"

namespace vireo::net {

// How the IPv4 side is set up: from $ipaddr and friends, or by DHCP.
struct Ipv4Settings {
    IpAddress address;
    IpAddress netmask;
    IpAddress gateway; // may be none
};

// What a DHCP server gave. Texts come from the network: length-checked, any bytes.
struct DhcpLease {
    Ipv4Settings ipv4;
    IpAddress dns[2];
    IpAddress server;      // who sent the lease
    IpAddress next_server; // siaddr, or option 66 if it is an address: where files come from
    StringBuffer<128> boot_file;
    StringBuffer<64> host_name;
    StringBuffer<256> root_path;
    StringBuffer<64> domain;
    u32 lease_seconds = 0;
    u32 discovers = 0; // how often we had to ask
};

// The TCP/IP stack (lwIP) on one card at a time. All other code of this layer reaches lwIP through it, sockets.h and
// nothing else. One of it exists; polled, single-threaded: frames and timers are served from the event loop.
//
// A command opens it, works, and closes it. In between the card's frames are not looked at; addresses, neighbour caches and
// settings stay for the next command on the same card.
class Network final : private device::NetReceiver, private event::Poller {
  public:
    explicit Network(event::EventLoop& loop);
    ~Network();
    event::EventLoop& loop() const { return loop_; }

    // Listens on `card`, which stays valid while it is open. IPv6 configures itself (link-local, router advertisements).
    // Errors: DeviceBroken, and NotReady ("link is down") without a cable.
    Result<> open(device::NetDevice& card);
    void close();
    device::NetDevice* card() const { return card_; }

    // Sets or clears (default-made) the IPv4 address. While open.
    void set_ipv4(const Ipv4Settings& settings);
    void set_dns_servers(std::span<const IpAddress> servers);

    // Asks for an address, and sets it. Each try is printed as "BOOTP broadcast N". Errors: Timeout (nobody answered),
    // Interrupted, DeviceBroken.
    Result<DhcpLease> dhcp(Writer& console, event::Duration patience);
    // Sends echo requests, one a second, until one is answered: how long the answer took. Errors: Timeout ("not alive"),
    // NotReady (no address of that family), Interrupted.
    Result<event::Duration> ping(const IpAddress& host, event::Duration patience);
    // Errors: NotFound (no such name), NotReady (no server known), Timeout, Interrupted.
    Result<IpAddress> resolve(std::string_view name, IpAddress::Family family);
    // Waits until IPv6 has an address besides the link-local one, or until the link-local one is usable and no router
    // answers. Errors: Timeout, Interrupted.
    Result<> wait_for_ipv6(event::Duration patience);

    // Our address towards `destination`, and the router on the way if there is one. NotReady: no address of that family.
    struct Route {
        IpAddress source;
        IpAddress gateway;
    };
    Result<Route> route_to(const IpAddress& destination) const;

  private:
    event::EventLoop& loop_;
    device::NetDevice* card_ = nullptr;
};

} // namespace vireo::net
