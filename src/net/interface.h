// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "event/clock.h"
#include "net/frame_pool.h"

namespace vireo::net {

// lwIP's one network interface, and the card behind it: frames in, frames out, checksums left to whom they cost least.
class Interface final : private device::NetReceiver {
  public:
    Interface() = default;
    ~Interface();
    Interface(const Interface&) = delete;
    Interface& operator=(const Interface&) = delete;

    // Listens on the card. What was learned on it before is still true if it was let go a moment ago; otherwise addresses
    // and neighbours are learned anew.
    void attach(device::NetDevice& card, bool link_is_up);
    // IPv6 is off until it is asked for: link-local address, router advertisements. It stays as long as what was learned.
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

    // Before a datagram with so many bytes of payload is sent: decides who sums it up. The card cannot if it becomes
    // fragments.
    void prepare_datagram(usize payload_bytes);
    usize buffers_held() const { return pool_.in_use(); }

  private:
    void received(const device::ReceivedFrame& frame) override;
    void sent(void* cookie) override;
    void link_changed(bool is_up) override;

    void start(device::NetDevice& card);
    void stop();
    void solicit_router();
    bool is_for_us(std::span<const u8, 6> destination) const;
    void set_checksums();
    err_t transmit(pbuf& frame);

    netif netif_{};
    dhcp dhcp_{};
    FramePool pool_;
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
