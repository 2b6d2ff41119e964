// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "virtio/transport/common.h"
#include "virtio/transport/pci/place.h"

namespace vireo::virtio {

// A VirtIO device on PCI through the legacy header in BAR 0 (section 4.1.4.8). A queue has the size that the
// device says, no more and no less.
class PciLegacyTransport final : public Transport {
  public:
    // NotSupported unless BAR 0 is an I/O region with room for the header. `msix_capability`: its offset,
    // or 0. `function` outlives the transport.
    static Result<std::unique_ptr<Transport>> create(const bus::pci::Function& function, u8 msix_capability,
                                                     u32 device_type);
    PciLegacyTransport(const bus::pci::Function& function, io::Window registers, u8 msix_capability,
                       u32 device_type);

    u32 device_type() const override { return device_type_; }
    bool is_legacy() const override { return true; }
    RingLayout ring_layout() const override { return RingLayout::Contiguous; }
    FeatureSet allowed_features() const override { return legacy_transport_features; }
    u8 status() override;
    void set_status(u8 status) override;
    FeatureSet offered_features() override;
    void accept_features(const FeatureSet& features) override;
    std::optional<u16> queue_count() override { return std::nullopt; } // there is no such field
    Result<u16> queue_size_max(QueueIndex index) override;
    Result<io::Doorbell> activate_queue(QueueIndex index, u16 size, const QueueAddresses& addresses) override;
    // NotSupported: the interface has no way to stop one queue.
    Result<dma::ConfirmedReset> reset_queue(QueueIndex index) override;
    Result<u32> read_config(u32 offset, u8 width) override;
    Result<> write_config(u32 offset, u8 width, u32 value) override;
    std::optional<u32> config_generation() override { return std::nullopt; }
    DeviceEvents take_events() override;
    void enable_dma(bool on) override;
    bool is_same_place(const Transport& other) const override { return print_same_place(*this, other); }
    void print_place(Writer& out) const override { print_pci_place(out, function_); }
    std::string_view kind() const override { return "PCI legacy"; }

  private:
    Result<> select_idle_queue(QueueIndex index);
    void find_config();

    const bus::pci::Function& function_;
    io::Window registers_;
    u32 device_type_;
    u8 msix_capability_;
    u8 config_offset_ = 0; // 20, or 24 while MSI-X is on
};

} // namespace vireo::virtio
