// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "virtio/transport/common.h"

namespace vireo::virtio {

// There is no register for what VIRTIO_F_NOTIF_CONFIG_DATA would bring.
inline constexpr FeatureSet modern_mmio_features =
    modern_transport_features | FeatureSet::of({wire::VIRTIO_F_NOTIFICATION_DATA, wire::VIRTIO_F_RING_RESET});

// A VirtIO device on the platform bus, version 1 (legacy, section 4.2.4) or 2 (section 4.2.2).
// Needs no interrupt.
class MmioTransport final : public Transport {
  public:
    // `registers` is the slot of a device whose identification has been checked.
    MmioTransport(io::Window registers, bool is_legacy, u32 device_type)
        : registers_(registers), device_type_(device_type), is_legacy_(is_legacy) {}

    u32 device_type() const override { return device_type_; }
    bool is_legacy() const override { return is_legacy_; }
    RingLayout ring_layout() const override {
        return is_legacy_ ? RingLayout::Contiguous : RingLayout::Separate;
    }
    FeatureSet allowed_features() const override {
        return is_legacy_ ? legacy_transport_features : modern_mmio_features;
    }
    u8 status() override;
    void set_status(u8 status) override;
    FeatureSet offered_features() override;
    void accept_features(const FeatureSet& features) override;
    std::optional<u16> queue_count() override { return std::nullopt; } // there is no such register
    Result<u16> queue_size_max(QueueIndex index) override;
    Result<io::Doorbell> activate_queue(QueueIndex index, u16 size, const QueueAddresses& addresses) override;
    Result<dma::ConfirmedReset> reset_queue(QueueIndex index) override;
    Result<> stop_queue(QueueIndex index) override;
    Result<u32> read_config(u32 offset, u8 width) override;
    Result<> write_config(u32 offset, u8 width, u32 value) override;
    std::optional<u32> config_generation() override;
    DeviceEvents take_events() override;
    void enable_dma(bool) override {}
    bool is_same_place(const Transport& other) const override { return print_same_place(*this, other); }
    void print_place(Writer& out) const override;
    std::string_view kind() const override { return is_legacy_ ? "MMIO v1 (legacy)" : "MMIO v2"; }

  private:
    // Selects the queue; DeviceBroken if it is in use, after which its other registers must not be touched.
    Result<> select_idle_queue(QueueIndex index);
    // QueueReady, or what legacy devices have instead: not 0 while the queue is in use.
    u32 in_use_register() const;
    void activate_modern(u16 size, const QueueAddresses& addresses);
    Result<> activate_legacy(u16 size, const QueueAddresses& addresses);

    io::Window registers_;
    u32 device_type_;
    bool is_legacy_;
    bool has_queue_reset_ = false; // VIRTIO_F_RING_RESET was accepted
    bool has_page_size_ = false;   // GuestPageSize was written since the last reset
};

} // namespace vireo::virtio
