// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "drivers/net/config.h"

namespace vireo::drivers::net {

// The control queue (section 5.1.9.5). What the device should know is kept as wishes: each kind of command
// says the whole of its part, so that after a reset all that was ever wished is said again.
class ControlQueue {
  public:
    explicit ControlQueue(virtio::Session& session) : session_(session) {}

    // After each negotiation: what was wished before is sent when the device goes live. Errors: NoMemory.
    Result<> start();
    // The queue was reset: what was under way counts as refused.
    void queue_stopped();
    // The device was.
    void stop() {
        queue_stopped();
        shared_ = nullptr;
    }
    bool is_there() const { return shared_ != nullptr; }

    // Only with CTRL_RX; returns when the device has answered. Errors: NotSupported (it refuses), Timeout,
    // Interrupted.
    Result<> set_filter(const device::NetFilter& filter);
    // Only with CTRL_MAC_ADDR. Errors as above.
    Result<> set_mac(const device::MacAddress& mac);
    // Said at each start() from now on.
    void wish_mac(const device::MacAddress& mac) {
        if ((awaited_ & 1 << Mac) == 0) // else a newer one is being said
            mac_ = mac;
        wished_ |= 1 << Mac;
    }

    // Takes answers and sends what is still to be sent. True if there were any.
    bool harvest();

    // More than QEMU has room for, and far more than a boot firmware's groups.
    static constexpr usize most_groups = 64;

  private:
    // What can be said. There is one of each on the way at most.
    enum Kind : u8 { Mac, Promiscuous, AllMulticast, Groups, kind_count };
    static constexpr u8 filter_kinds = 1 << Promiscuous | 1 << AllMulticast | 1 << Groups;
    struct Frame;

    Frame& frame(Kind kind) const;
    Result<> say(u8 kinds);
    bool pump();
    bool submit(Kind kind);
    usize write(Kind kind, Frame& frame) const;

    virtio::Session& session_;
    dma::Buffer* shared_ = nullptr; // a Frame for each kind; from start() to stop()

    // The wishes, and which kinds were ever wished.
    u8 wished_ = 0;
    device::MacAddress mac_{};
    bool promiscuous_ = false;
    bool all_multicast_ = false;
    FixedVector<device::MacAddress, most_groups> groups_;

    // Bits of kinds.
    u8 unsaid_ = 0;
    u8 in_flight_ = 0;
    u8 refused_ = 0;
    u8 awaited_ = 0; // the caller of say() waits for these, also while the device is reset
};

} // namespace vireo::drivers::net
