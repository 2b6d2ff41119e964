// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "virtio/transport/common.h"
#include "virtio/transport/pci/place.h"
#include "virtio/transport/pci/structures.h"

namespace vireo::virtio {

// A VirtIO device on PCI through the structures that its capabilities point to (section 4.1.4). MSI-X stays
// off and no vector is ever written: after a reset all are unmapped.
class PciModernTransport final : public Transport {
  public:
    // `structures` is complete; `function` outlives the transport.
    PciModernTransport(const bus::pci::Function& function, PciStructures structures, u32 device_type)
        : function_(function), common_(*structures.common), notify_(*structures.notify),
          isr_(*structures.isr), device_(structures.device.value_or(io::Window())),
          notify_off_multiplier_(structures.notify_off_multiplier), device_type_(device_type),
          msix_capability_(structures.msix_capability), indirect_(std::move(structures.indirect)) {}

    u32 device_type() const override { return device_type_; }
    bool is_legacy() const override { return false; }
    RingLayout ring_layout() const override { return RingLayout::Separate; }
    FeatureSet allowed_features() const override;
    u8 status() override;
    void set_status(u8 status) override;
    FeatureSet offered_features() override;
    void accept_features(const FeatureSet& features) override;
    std::optional<u16> queue_count() override;
    Result<u16> queue_size_max(QueueIndex index) override;
    Result<io::Doorbell> activate_queue(QueueIndex index, u16 size, const QueueAddresses& addresses) override;
    Result<dma::ConfirmedReset> reset_queue(QueueIndex index) override;
    Result<u32> read_config(u32 offset, u8 width) override { return read_field(device_, offset, width); }
    Result<> write_config(u32 offset, u8 width, u32 value) override {
        return write_field(device_, offset, width, value);
    }
    std::optional<u32> config_generation() override;
    DeviceEvents take_events() override { return events_of(isr_.read8(0)); } // reading acknowledges
    void enable_dma(bool on) override;
    bool is_same_place(const Transport& other) const override { return print_same_place(*this, other); }
    void print_place(Writer& out) const override { print_pci_place(out, function_); }
    std::string_view kind() const override {
        return indirect_ ? "PCI modern (configuration access)" : "PCI modern";
    }

  private:
    // Selects the queue; DeviceBroken if it is enabled.
    Result<> select_idle_queue(QueueIndex index);
    // Whether notifications of 32 bits have room in the notification structure (section 4.1.4.4.1).
    bool takes_notification_data() const;
    Result<io::Doorbell> doorbell(QueueIndex index) const;

    const bus::pci::Function& function_;
    io::Window common_;
    io::Window notify_;
    io::Window isr_;
    io::Window device_; // empty: the device has no configuration
    u32 notify_off_multiplier_;
    u32 device_type_;
    u8 msix_capability_;
    std::unique_ptr<PciConfigWindow> indirect_; // of windows in BARs that found no room
    FeatureSet accepted_;                       // empty from a reset on
};

} // namespace vireo::virtio
