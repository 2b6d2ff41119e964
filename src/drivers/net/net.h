// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/registry.h"
#include "drivers/net/control.h"
#include "drivers/net/receive.h"
#include "drivers/net/transmit.h"

namespace vireo::drivers::net {

// Network device (section 5.1). Frames come in the driver's buffers and leave from the sender's memory,
// neither is copied. README.md in this folder says which features are used and which are not, and why.
class VirtioNet final : public virtio::Driver, public device::NetDevice {
  public:
    explicit VirtioNet(virtio::Session& session)
        : session_(session), receive_(session, statistics_), transmit_(session, statistics_),
          control_(session) {}

    // --- Driver
    Result<u16> queue_count() override;
    Result<> start() override;
    bool harvest() override;
    bool is_listening() const override { return receiver_ != nullptr; }
    void stop(Error why, virtio::InFlight fate) override;
    void queue_stopped(usize index, Error why) override;
    void config_changed() override { read_link(); }
    Result<> announce(device::Registry& registry) override {
        VIREO_TRY(registry.net.add(*this));
        number_ = registry.net.count() - 1;
        return {};
    }

    // --- Driver, NetDevice
    void print_name(Writer& out) const override { print(out, "virtio-net#{}", number_); }

    // --- NetDevice
    Result<> usable() override;
    void revive() override;
    bool link_is_up() override;
    void listen(device::NetReceiver& receiver) override;
    void stop_listening() override;
    bool send(const device::OutgoingFrame& frame) override;
    void give_back(u16 buffer) override { receive_.give_back(buffer); }
    Result<> set_filter(const device::NetFilter& filter) override;
    Result<> set_mac(const device::MacAddress& mac) override;

  private:
    Result<> learn_facts(const Config& config);
    Result<> choose_mac(const device::MacAddress& its_own);
    Result<> write_mac(const device::MacAddress& mac);
    void read_link();
    bool receive();
    bool take_back_sent();
    void announce_work();
    void look_after();

    virtio::Session& session_;
    ReceiveQueue receive_;
    TransmitQueue transmit_;
    ControlQueue control_;
    usize number_ = 0;

    device::NetReceiver* receiver_ = nullptr; // who listens
    bool link_is_up_ = true;
    bool told_up_ = true;                       // what the receiver was told
    std::optional<device::MacAddress> own_mac_; // made up, or chosen by the user: it survives resets

    event::Instant next_look_{};
    std::optional<event::Instant> stuck_since_; // frames are on their way out and none has left since then
    bool said_stuck_ = false;
};

} // namespace vireo::drivers::net
