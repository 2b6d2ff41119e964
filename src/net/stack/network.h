// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/net_device.h"
#include "device/registry.h"
#include "event/bootstage.h"
#include "event/patience.h"
#include "net/address.h"
#include "net/protocol/dhcp_message.h"
#include "net/stack/random.h"

namespace vireo::net {

class Interface;

// How the IPv4 side is set up: from $ipaddr and friends, or by DHCP.
struct Ipv4Settings {
    IpAddress address;
    IpAddress netmask;
    IpAddress gateway; // may be none
};

// Who hears how asking for an address goes.
class DhcpWatcher {
  public:
    // Everybody is asked, for the `number`th time (from 1).
    virtual void asks(u32 number) = 0;

  protected:
    ~DhcpWatcher() = default;
};

// How we say to a DHCP server what we are. Some give what they have only to those they know.
struct DhcpClient {
    static constexpr usize most_class_bytes = 255;
    std::string_view vendor_class = "Vireo"; // option 60
    std::optional<u16> architecture;         // option 93, a number of IANA's "Processor Architecture Types"
};

// What a DHCP server gave. Texts come from the network: whole, any bytes but zero, as long as they were sent.
struct DhcpLease {
    Ipv4Settings ipv4;
    IpAddress dns[2];
    IpAddress server;             // who sent the lease
    IpAddress next_server;        // siaddr, or option 66 if it is an address: where files come from
    std::string_view server_name; // the same as a name, where there is no address
    std::string_view boot_file;
    u32 lease_seconds = 0;
    u32 discovers = 0;  // how often we had to ask
    DhcpMessage answer; // where the texts lie, and the rest of the options
};

// The TCP/IP stack (lwIP) on one card at a time. All other code of this layer reaches lwIP through
// it, sockets.h and nothing else. One of it exists; polled, single-threaded: frames and timers are
// served from the event loop.
//
// A command opens it, works, and closes it. In between the card's frames are not looked at; addresses,
// neighbour caches and settings stay for the next command on the same card.
class Network final : private event::Poller {
  public:
    // What ids and ports are made of, when the network is first opened: an entropy source of `devices`, if
    // there is one, and `seed`, which stays where it is, if the machine was given one.
    Network(event::EventLoop& loop, const device::Registry& devices, Bytes seed = {});
    ~Network();
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;
    event::EventLoop& loop() const { return loop_; }

    // Listens on `card`, which stays valid while it is open. IPv6 configures itself (link-local, router
    // advertisements) from the first wait_for_ipv6() on; before, no frame of it is read.
    // Errors: DeviceBroken, Interrupted, and NotReady ("link is down") without a cable.
    Result<> open(device::NetDevice& card);
    // Connections that are still open are lost.
    void close();
    device::NetDevice* card() const;
    // An error if the open card can be used no more, or has lost its link. Looked at about once a second; the
    // waits in here end with it.
    Result<> health() const { return health_; }

    // Sets or clears (default-made) the IPv4 address. While open.
    void set_ipv4(const Ipv4Settings& settings);
    // Who is asked for names: the first two of them. None: those that a router announces. What the network
    // says never takes the place of those that are set.
    void set_dns_servers(std::span<const IpAddress> servers);

    // Asks for an address, and sets it. `watcher` hears of each try. `budget` is for all of it, whatever is
    // answered. Errors: Timeout (nobody answered), Interrupted, DeviceBroken, NotReady (link is down),
    // NoMemory, TooLarge (the vendor class).
    Result<DhcpLease> dhcp(DhcpWatcher& watcher, const DhcpClient& client, const event::Budget& budget);
    // Sends echo requests, one a second, until one is answered: how long the answer took. Errors: Timeout
    // ("not alive"), NotReady (no address of that family), Interrupted, DeviceBroken.
    Result<event::Duration> ping(const IpAddress& host, const event::Budget& budget);
    // An address as text is its own result. Where no server is set, that which a router announces by IPv6 is
    // asked. Errors: NotFound (no such name), NotReady (no server known), Timeout, Interrupted, DeviceBroken,
    // InvalidArgument (not a name).
    Result<IpAddress> resolve(std::string_view name, IpAddress::Family family);
    static constexpr event::Budget ipv6_budget = event::Budget::total(event::Duration::seconds(5));
    // Waits until IPv6 has an address that reaches `destination`: on this link the one that needs no router,
    // elsewhere one that a router gave the prefix for. Success also if no router answers: route_to() says
    // what can be reached without.
    // Errors: NotReady (the router gives us no address; somebody else has ours), Timeout,
    // Interrupted, DeviceBroken.
    Result<> wait_for_ipv6(const IpAddress& destination, const event::Budget& budget);

    // Our address towards `destination`, and the router on the way if there is one. NotReady: no address of
    // that family, or no way there.
    struct Route {
        IpAddress source;
        IpAddress gateway;
    };
    Result<Route> route_to(const IpAddress& destination) const;

    // For the sockets.
    Interface& interface() { return *interface_; }

  private:
    bool poll() override;
    bool needs_polling() const override {
        return false;
    } // timers are coarse: the card listens, which bounds naps
    Result<> stir_random(const device::NetDevice& card);
    Result<> negotiate(const event::Patience& patience);
    // A router answers a solicitation within half a second (RFC 4861, 6.2.6); then the address
    // is probed for a second.
    static constexpr event::Duration router_patience = event::Duration::seconds(3);
    void stir_time();
    void start_ipv6();
    Result<> wait_for_link_local(const event::Patience& patience);
    Result<> choose_servers();
    // Until `condition` holds; ends with health() too.
    template <typename Condition> Result<> wait(event::Deadline deadline, Condition&& condition) {
        if (!card())
            return error(ErrorCode::NotReady, "network is not open");
        VIREO_TRY(loop_.wait_until(deadline, [&] { return condition() || !health_.has_value(); }));
        return condition() ? Result<>{} : health_;
    }

    event::EventLoop& loop_;
    const device::Registry& devices_;
    const Bytes seed_;
    Random random_;
    // as many as a router announces, and as $dnsip and $dnsip2 name
    static constexpr usize most_dns_servers = 2;
    std::array<IpAddress, most_dns_servers> dns_servers_{};
    bool is_stirred_ = false;
    std::unique_ptr<Interface> interface_;
    Result<> health_{};
    event::Instant next_look_{}; // at the card's health
    event::Instant next_timers_{};
    std::optional<event::WorkTimer> open_time_;
    bool in_timers_ = false; // what lwIP says now, it says because time has passed
};

} // namespace vireo::net
