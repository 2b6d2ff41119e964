// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/format.h"
#include "base/result.h"

namespace vireo::device {

using MacAddress = std::array<u8, 6>;

// What is known about a network card. Numbers have been validated by the driver.
struct NetFacts {
    MacAddress mac{};
    bool mac_is_made_up = false; // the device has none: random, locally administered
    u16 mtu = 1500;              // of the largest packet that may be sent, without its Ethernet header
    bool reports_link = false;   // else the link counts as up
    bool can_checksum = false;   // OutgoingFrame::checksum may be used
    // the device may hand over frames of up to 64 KiB (several segments in one)
    bool takes_large_frames = false;
    bool filters = false; // set_filter has an effect
};

// A piece of a received frame: where it lies, and in which of the device's buffers. Whoever got it gives
// the buffer back (NetDevice::give_back) when the bytes are of no more use; until then they stay, also
// while the device is reset.
struct ReceivedPart {
    Bytes bytes;
    u16 buffer;
};

// An Ethernet frame without checksum, at most 14 + 65535 bytes. Its header lies whole in the first part, so
// that what follows it begins at an address that 4 divides.
struct ReceivedFrame {
    static constexpr usize max_parts = 20; // 64 KiB in buffers of 4 KiB
    std::span<const ReceivedPart> parts;
    u32 bytes = 0; // of all parts
    // The TCP or UDP checksum was verified by the device, or the frame never was on a wire: it need not, and
    // may not, be verified again (it may be incomplete).
    bool checksum_is_good = false;
};

// An Ethernet frame to send. The bytes stay in place until NetReceiver::sent(cookie).
struct OutgoingFrame {
    static constexpr usize max_parts = 8;
    FixedVector<Bytes, max_parts> parts; // in all at least 14 bytes, at most 14 + mtu
    void* cookie = nullptr;
    // The device completes the checksum: from `start` to the end of the frame, stored `offset` bytes behind
    // `start`, where the sum of the pseudo header stands already.
    struct Checksum {
        u16 start;
        u16 offset;
    };
    std::optional<Checksum> checksum;
};

struct NetFilter {
    bool promiscuous = false;
    std::span<const MacAddress> multicast = {}; // too many for the device: it gets all multicast frames
};

// Since start, for `net stats`.
struct NetStatistics {
    u64 frames_received = 0;
    u64 bytes_received = 0;
    u64 buffers_received = 0; // a frame may come in several
    u64 frames_sent = 0;
    u64 bytes_sent = 0;
    u64 dropped_bad = 0;     // frames: what the device said about them made no sense
    u64 dropped_unheard = 0; // buffers: came while nobody listened
    u64 refused = 0;         // frames that send() did not take
};

// Who gets the frames. Called from the event loop, never from inside another call to the device.
class NetReceiver {
  public:
    // Every part's buffer now belongs to the receiver. It may send and give_back from here.
    virtual void received(const ReceivedFrame& frame) = 0;
    // The frame's bytes are the sender's again: it was sent, or the device was reset and it is lost. Exactly
    // once for each frame that send() took; in the latter case also from inside a call that found the device
    // in need of a reset (usable, link_is_up, set_filter, set_mac).
    virtual void sent(void* cookie) = 0;
    virtual void link_changed(bool is_up) = 0;

  protected:
    ~NetReceiver() = default;
};

// A network card. Frames arrive and leave from the event loop. Nothing waits: a frame that has no room is not
// taken. The device is told what was sent, and gets its buffers back, once for each turn of the loop.
class NetDevice {
  public:
    virtual ~NetDevice() = default;
    const NetFacts& facts() const { return facts_; }
    const NetStatistics& statistics() const { return statistics_; }
    // "virtio-net#0"
    virtual void print_name(Writer& out) const = 0;

    // An error if the device can be used no more (it broke, it was stopped) or there was no memory for its
    // buffers when somebody began to listen; looks at it after a pause.
    virtual Result<> usable() = 0;
    // Starts a card anew that broke; if it cannot be, usable() says why. For the beginning of a
    // command: nothing that was on its way is of use any more, and a card that goes on lying breaks
    // again. Waits for the device.
    virtual void revive() {}
    // Up, as the device says now.
    virtual bool link_is_up() = 0;

    // From now on frames go to `receiver`; those that came before are dropped. Until stop_listening(), which
    // returns after the last call to the receiver but for sent().
    virtual void listen(NetReceiver& receiver) = 0;
    virtual void stop_listening() = 0;

    // Takes a frame, which leaves in this turn of the loop or the next; false if there is no room
    // now, the device is down, nobody listens, or the frame is longer than the MTU allows (it is as
    // good as lost on the wire).
    virtual bool send(const OutgoingFrame& frame) = 0;
    virtual void give_back(u16 buffer) = 0;

    // These two wait for the device's answer: frames may arrive meanwhile.
    // Which frames are wanted besides those to our address and broadcasts. Errors: NotSupported (the device
    // cannot choose: it delivers what it likes), DeviceBroken, Timeout.
    virtual Result<> set_filter(const NetFilter& filter) = 0;
    // Errors: InvalidArgument (no unicast address), NotSupported (this device keeps its own),
    // DeviceBroken, Timeout.
    virtual Result<> set_mac(const MacAddress& mac) = 0;

  protected:
    NetFacts facts_;
    NetStatistics statistics_;
};

} // namespace vireo::device
