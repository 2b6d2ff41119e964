// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/registry.h"
#include "drivers/blk/config.h"
#include "virtio/wire/blk.h"
#include "virtio/wire/shared.h"

namespace vireo::drivers::blk {

inline constexpr u16 max_slots = device::BlockDevice::max_in_flight;
// A request is a header, data, and a status byte, each in descriptors of its own: any device takes that, also
// those that insist on it (section 5.2.6.4).
inline constexpr u16 frame_buffers = 2;

// The part of a request that lies in shared memory. One for each slot.
struct Frame {
    virtio::wire::virtio_blk_req_header header;
    virtio::wire::virtio_blk_discard_write_zeroes range; // of DISCARD and WRITE_ZEROES
    virtio::wire::Shared<u8> status;
    u8 unused[15];
};
static_assert(sizeof(Frame) == 48);

// Block device (section 5.2). Many requests in flight; data goes straight between the device and the caller's
// memory. README.md in this folder says which features are used and which are not, and why.
class VirtioBlk final : public virtio::Driver, public device::BlockDevice {
  public:
    static constexpr std::string_view interface_name = "virtio"; // as users name its disks
    explicit VirtioBlk(virtio::Session& session)
        : BlockDevice(session.loop(), interface_name), session_(session) {}

    // --- Driver
    Result<> start() override;
    void went_live() override;
    bool harvest() override;
    Result<u16> queue_count() override { return read_queue_count(session_); }
    void stop(Error why, virtio::InFlight fate) override;
    void queue_stopped(usize index, Error why) override;
    void config_changed() override;
    Result<> announce(device::Registry& registry) override { return registry.block.add(*this); }
    void print_name(Writer& out) const override {
        print(out, "{} {}", interface(), number());
        if (facts_.serial[0] != 0)
            print(out, " (serial {})", std::string_view(facts_.serial));
    }

  private:
    // A request in flight, the private part.
    struct Slot {
        device::BlockRequest* request = nullptr; // nullptr: free
        u32 data_from_device = 0;
        u16 next_free = 0;
    };
    // A queue and the slots that are its own.
    struct Lane {
        u16 first_slot = 0;
        u16 first_free = no_slot;
        u16 free = 0;
        bool uncommitted = false;
    };
    static constexpr u16 no_slot = 0xffff;

    // --- BlockDevice
    bool start(device::BlockRequest& request) override;
    void commit() override;
    void abort(Error why) override;
    Result<> usable() const override { return session_.usable(); }

    virtio::Queue& queue(usize lane) const { return session_.queue(lane); }
    Result<> learn_facts();
    void make_slots();
    void read_serial();
    void note_serial();

    bool start_on(usize lane, device::BlockRequest& request);
    u32 buffers_of(const device::BlockRequest& request) const;
    Result<> build(virtio::Chain& chain, u16 slot, const device::BlockRequest& request);
    Result<> open_frame(virtio::Chain& chain, u16 slot, u32 type, u64 sector);
    Result<> add_range(virtio::Chain& chain, u16 slot, const device::BlockRequest& request, u32 flags);
    template <typename Dir>
    Result<> add_data(virtio::Chain& chain, const device::BlockRequest& request) const;
    Result<> close_frame(virtio::Chain& chain, u16 slot);
    void submit(usize lane, virtio::Chain&& chain, u16 slot, device::BlockRequest& request,
                u32 data_from_device);
    Result<> outcome_of(usize lane, u16 slot, u32 written) const;
    device::BlockRequest& free_slot(Lane& lane, u16 slot);
    bool harvest(usize lane);

    Result<> still_possible(const device::BlockRequest& request) const;
    void end_kept(Error why);
    void resubmit();

    static usize frame_offset(u16 slot) { return slot * sizeof(Frame); }
    Frame& frame(u16 slot) const { return virtio::wire::overlay<Frame>(shared_->data())[slot]; }
    usize id_offset() const { return frame_offset(slot_count_); }
    // Sectors of the protocol have 512 bytes, whatever the block size (section 5.2.4).
    u64 sectors(u64 blocks) const {
        return blocks * (facts_.block_bytes / virtio::wire::virtio_blk_sector_bytes);
    }

    virtio::Session& session_;
    dma::Buffer* shared_ = nullptr; // frames, then room for the device's id
    Slot slots_[max_slots];
    Lane lanes_[most_queues];
    u16 slot_count_ = 0;
    u16 lane_count_ = 0;
    Limits limits_;
    device::BlockRequest* identify_ = nullptr; // GET_ID, while it is in flight

    // Requests that were in flight when the device was reset, and the block size they count in: they wait for
    // start(), then for room.
    FixedVector<device::BlockRequest*, max_slots> kept_;
    u32 kept_block_bytes_ = 0;
};

} // namespace vireo::drivers::blk
