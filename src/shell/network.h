// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/host.h"
#include "shell/context.h"

namespace vireo::shell {

// The card that the next network command uses: the one that $ethact names, or else the first. nullptr, and
// one line, if there is none.
device::NetDevice* active_card(Context& context, usize& number);

// A card's variable for its hardware address: "ethaddr", "eth1addr", ...
StringBuffer<16> mac_variable(usize number);
void print_mac(Writer& out, const device::MacAddress& mac);

// $ethact, $ethaddr and so on, as far as they are not set: the cards' own.
void set_card_variables(Context& context);

// An address in a variable; none if it is not set.
net::IpAddress address_variable(Context& context, std::string_view name);

// Why a host was not found, or how to reach it. Ctrl-C needs no words.
void print_host_failure(Context& context, std::string_view host, const load::Failure& failure);

// While it lives, the network is open on the active card, with the addresses that the variables name.
class NetworkSession {
  public:
    explicit NetworkSession(Context& context);
    NetworkSession(const NetworkSession&) = delete;
    NetworkSession& operator=(const NetworkSession&) = delete;
    ~NetworkSession();

    // False if it could not be opened; a line has said why.
    explicit operator bool() const { return card_ != nullptr; }
    net::Network& network() const { return context_.network; }
    device::NetDevice& card() const { return *card_; }

    // Takes the addresses from the variables again, which have changed.
    void take_addresses();
    // $ipaddr is set: we have an IPv4 address.
    bool has_ipv4() const;
    // "Using virtio-net#0 device"
    void print_card() const;
    // What `host` is: an address, or a name that DNS knows. None, and one line, if it is neither.
    std::optional<net::IpAddress> find(std::string_view host);
    // Makes sure that we have an address that can reach `host`; none, and one line, if not.
    std::optional<net::Network::Route> route(const net::IpAddress& host);

  private:
    bool set_up(usize number);
    Context& context_;
    device::NetDevice* card_ = nullptr;
};

} // namespace vireo::shell
