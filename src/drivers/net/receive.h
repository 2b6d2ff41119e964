// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "drivers/net/config.h"

namespace vireo::drivers::net {

// The buffers that frames are received into. They stay where they are, whatever becomes of the device: who
// was given one may keep it across resets. Each belongs to us, to the device, or to the receiver.
class BufferPool {
  public:
    // Page-aligned, `bytes` each. Errors: NoMemory.
    static Result<BufferPool> create(u32 bytes, u16 count);

    u32 buffer_bytes() const { return bytes_; }
    bool is_empty() const { return count_ == 0; }
    // Whether the receiver has any.
    bool is_lent() const;
    MutableBytes memory(u16 buffer) const { return {memory_.get() + usize{buffer} * bytes_, bytes_}; }

    // One of ours, to be posted; empty if there is none.
    std::optional<u16> take();
    // It came back from the device: and belongs to the receiver, or to us again.
    void hand_out(u16 buffer) { owners_[buffer] = Owner::Receiver; }
    void recycle(u16 buffer);
    // The receiver has no more use for it.
    void give_back(u16 buffer);
    // The device was reset: what it had is ours. (If the reset was not confirmed, the device is
    // not used until one is.)
    void reclaim();

  private:
    enum class Owner : u8 { Us, Device, Receiver };
    struct Delete {
        void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t(4096)); }
    };

    std::unique_ptr<std::byte[], Delete> memory_;
    OwnedArray<Owner> owners_;
    OwnedArray<u16> ours_; // a stack of `free_`
    u16 free_ = 0;
    u16 count_ = 0;
    u32 bytes_ = 0;
};

// The receive queue: kept full, and read frame by frame.
class ReceiveQueue {
  public:
    ReceiveQueue(virtio::Session& session, device::NetStatistics& statistics)
        : session_(session), statistics_(statistics) {}

    // After each negotiation: how frames look now. `mtu`: of the largest frame that must fit. Errors:
    // NotSupported (larger buffers are needed than those that the receiver has some of).
    Result<> start(const Framing& framing, u16 mtu);
    void stop() { pool_.reclaim(); }

    // Makes the buffers, if there are none yet. Then there are none only for want of memory.
    void make_buffers();
    bool has_no_buffers() const { return pool_.is_empty(); }
    // Gives the device all the buffers that it has room for; it sees them after a commit. True
    // if there were any.
    bool refill();

    enum class Taken : u8 { Nothing, Frame, Rubbish };
    // Takes the next frame, whose buffers then are the receiver's; valid until the next call.
    Taken take(device::ReceivedFrame& frame);
    // Drops everything that came so far.
    void drain();

    void give_back(u16 buffer) { pool_.give_back(buffer); }

  private:
    bool post(u16 buffer);
    bool collect(device::ReceivedFrame& frame, u32 first_written);
    bool add_part(u16 buffer, u32 offset, u32 written);

    virtio::Session& session_;
    device::NetStatistics& statistics_;
    Framing framing_{};
    u32 buffer_bytes_ = 0; // that a buffer must have
    u16 posted_most_ = 0;
    BufferPool pool_;
    device::ReceivedPart parts_[device::ReceivedFrame::max_parts];
    usize part_count_ = 0; // taken from the queue for the frame at hand
};

// What the device says about a received frame of `bytes`, believed as far as it was negotiated: whether the
// checksum is good; empty if it makes no sense.
std::optional<bool> judge(const virtio::wire::virtio_net_hdr& header, u32 bytes,
                          const virtio::Session& session);

} // namespace vireo::drivers::net
