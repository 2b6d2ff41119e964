// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/address_space.h"
#include "hosted/vhost_user/connection.h"
#include "hosted/vhost_user/shared_pool.h"
#include "virtio/transport/transport.h"

#include <vector>

namespace vireo::hosted::vhost_user {

// A device in another process, as a Transport: what a hypervisor does for its guest, for Vireo's own drivers.
//
// The protocol knows features, configuration and rings. The device status is not part of it
// (section 2.1 is kept here):
//   - DMA on: connected, protocol features agreed on, shared memory handed over. DMA off: disconnected;
//   - FEATURES_OK stays only if the accepted features were offered and the back end took them;
//   - DRIVER_OK enables the rings;
//   - reset stops every ring. Status becomes 0 when the back end has confirmed that (GET_VRING_BASE) and has used
//     every buffer that it took: some back ends confirm while requests are under way;
//   - a lost connection reads as 0xff, a device that is gone. The next time DMA is switched on it is connected anew, so
//     a back end that came back works again after `virtio scan`;
//   - an error that the back end signals on a ring reads as DEVICE_NEEDS_RESET.
class VhostUserTransport final : public virtio::Transport, private RegisterBlock {
  public:
    // `number` tells it from others, for people too. `pool` outlives it.
    VhostUserTransport(unsigned number, u32 device_type, std::string path, SharedPool& pool);

    // Connects and agrees on the protocol; nothing if it is connected already. Errors: the back end does not
    // answer, or lacks what is needed.
    Result<> connect();

    u32 device_type() const override { return device_type_; }
    bool is_legacy() const override { return false; }
    virtio::RingLayout ring_layout() const override { return virtio::RingLayout::Separate; }
    virtio::FeatureSet allowed_features() const override;
    u8 status() override;
    void set_status(u8 status) override;
    virtio::FeatureSet offered_features() override;
    void accept_features(const virtio::FeatureSet& features) override;
    std::optional<u16> queue_count() override { return queue_count_; }
    Result<u16> queue_size_max(virtio::QueueIndex index) override;
    Result<io::Doorbell> activate_queue(virtio::QueueIndex index, u16 size,
                                        const virtio::QueueAddresses& addresses) override;
    Result<dma::ConfirmedReset> reset_queue(virtio::QueueIndex index) override;
    Result<u32> read_config(u32 offset, u8 width) override;
    Result<> write_config(u32 offset, u8 width, u32 value) override;
    std::optional<u32> config_generation() override { return std::nullopt; }
    virtio::DeviceEvents take_events() override { return {}; }
    void enable_dma(bool on) override;
    bool is_same_place(const Transport& other) const override;
    void print_place(Writer& out) const override;
    std::string_view kind() const override { return "vhost-user"; }

  private:
    struct Ring {
        FileDescriptor kick;  // we write
        FileDescriptor error; // the back end writes
        dma::BusAddress device_area;
        bool is_active = false;
        bool is_packed = false;
        // Stopped: how far the back end had read a split ring; the ring is idle when it has used as much.
        std::optional<u16> taken;
    };

    Result<> agree();
    Result<> share_memory();
    Result<> set_up(u16 index, u16 size, const virtio::QueueAddresses& addresses, Ring& ring);
    Result<> send_descriptor(Request request, u16 index, const FileDescriptor& descriptor);
    void stop_rings();
    bool rings_are_idle();
    bool has_ring_error() const;
    bool is_alive();
    void note_loss();
    bool uses(unsigned feature) const { return (accepted_ >> feature & 1) != 0; }

    // --- RegisterBlock: the doorbell, one word. What is written is the queue's number.
    u32 read(u64 offset, u8 width) override;
    void write(u64 offset, u8 width, u32 value) override;

    unsigned number_;
    u32 device_type_;
    std::string path_;
    SharedPool& pool_;
    MappedRange doorbell_;
    Connection connection_;
    bool loss_noted_ = true;
    u8 status_ = virtio_gone;
    u64 offered_ = 0;
    u64 accepted_ = 0;
    bool features_taken_ = false;
    u16 queue_count_ = 0;
    std::vector<Ring> rings_;

    static constexpr u8 virtio_gone = 0xff;
};

// The back ends that the command line names, each one device of the same type.
class VhostUserSource final : public virtio::TransportSource {
  public:
    explicit VhostUserSource(SharedPool& pool) : pool_(pool) {}

    // Errors: as VhostUserTransport::connect. What could be connected stays so until enumerate() takes it.
    Result<> add(u32 device_type, const std::string& path);
    void enumerate(Sink& sink) override;

  private:
    SharedPool& pool_;
    std::vector<std::unique_ptr<VhostUserTransport>> found_;
};

} // namespace vireo::hosted::vhost_user
