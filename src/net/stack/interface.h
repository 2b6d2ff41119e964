// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"
#include "net/stack/frame_pool.h"
#include "net/stack/neighbours.h"
#include "net/stack/router.h"

namespace vireo::net {

// lwIP's one network interface, and the card behind it: frames in, frames out, checksums left to
// whom they cost least.
class Interface final : private device::NetReceiver {
  public:
    Interface() = default;
    ~Interface();
    Interface(const Interface&) = delete;
    Interface& operator=(const Interface&) = delete;

    // Listens on the card. What was learned on it before is still true if it was let go a moment ago: then
    // true. Otherwise addresses and neighbours are learned anew.
    bool attach(device::NetDevice& card, bool link_is_up);
    // IPv6 is off until it is asked for: link-local address, router advertisements. It stays as
    // long as what was learned.
    void start_ipv6();
    bool has_ipv6() const { return has_ipv6_; }
    // The card is heard no more; whatever of its buffers lwIP holds goes back to it.
    void detach();
    device::NetDevice* card() const { return card_; }

    netif& lwip() { return netif_; }
    const netif& lwip() const { return netif_; }
    dhcp& dhcp_state() { return dhcp_; }
    // Since when IPv6 has been up, with what it knows.
    event::Instant ipv6_since() const { return ipv6_since_; }
    const AnnouncedServers& announced_servers() const { return announced_servers_; }
    // Made of the moments at which frames came: nobody far away knows them to the tick.
    u64 timing() const { return timing_; }

    // Before a datagram with so many bytes of payload is sent to `target`: decides who sums it up. The card
    // cannot if it becomes fragments. Afterwards the same with 0.
    void prepare_datagram(usize payload_bytes, const ip_addr_t& target);
    // Once a second: a neighbour that says nothing any more is asked for again (IPv4).
    void look_at_neighbours();
    // The same at once: for whoever knows that what was sent last should have been answered.
    void ask_again();
    usize buffers_held() const { return pool_.in_use(); }

  private:
    void received(const device::ReceivedFrame& frame) override;
    void sent(void* cookie) override;
    void link_changed(bool is_up) override;

    void start(device::NetDevice& card);
    void stop();
    void solicit_router();
    bool is_for_us(std::span<const u8, 6> destination) const;
    // interface_guard.cpp: what lwIP may hear of what the network says about itself.
    bool may_be_told(u16 ethertype, Bytes packet, std::span<const u8, 6> sender);
    bool arp_may_be_told(Bytes packet);
    void answer_arp(Bytes request);
    bool ipv6_may_be_told(Bytes packet, std::span<const u8, 6> sender);
    void answer_solicitation(Bytes packet, Bytes message, std::span<const u8, 6> sender);
    void send_frame(u16 ethertype, std::span<const u8> packet, std::span<const u8, 6> to);
    enum class Ours : u8 { Any, Usable };
    bool has_address(const IpAddress& address, Ours which) const;
    void set_checksums();
    err_t transmit(pbuf& frame);

    netif netif_{};
    dhcp dhcp_{};
    FramePool pool_;
    Neighbours neighbours_;
    AnnouncedServers announced_servers_;
    u64 timing_ = 0;
    device::NetDevice* card_ = nullptr;
    device::NetDevice* known_card_ = nullptr; // whose addresses netif_ has
    device::MacAddress known_mac_{};
    bool has_ipv6_ = false;
    event::Instant ipv6_since_{};
    event::Instant detached_at_{};
    bool trust_received_ = false; // the device has verified the frame that is being looked at
    bool sum_datagrams_ = false;
};

} // namespace vireo::net
