// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/host.h"
#include "fuzz/stack.h"
#include "virtio/transport/mmio/mmio_source.h"
#include "virtio/transport/pci/pci_source.h"

namespace vireo::fuzz {

// A device on one of the five kinds of bus.
class AnyBus {
  public:
    AnyBus(u8 kind, fake::Device& device) {
        using Flavour = fake::VirtioPci::Flavour;
        constexpr u64 base = 0x0a00'0000;
        kind %= 5;
        if (kind < 2) {
            slot_.emplace(base, 1u + kind, &device);
            mmio_.emplace(std::span(&place_, 1));
            return;
        }
        bus_.emplace(kind == 2 ? fake::PciBus::pc_host() : fake::PciBus::virt_host());
        function_.emplace(device, kind == 2   ? Flavour::Legacy
                                  : kind == 3 ? Flavour::Transitional
                                              : Flavour::Modern);
        bus_->plug(1, 0, *function_);
        host_.emplace(bus_->host());
        pci_.emplace(*host_);
    }
    virtio::TransportSource& source() {
        return mmio_ ? static_cast<virtio::TransportSource&>(*mmio_) : *pci_;
    }

  private:
    virtio::MmioSlot place_{0x0a00'0000, fake::MmioSlot::bytes};
    std::optional<fake::MmioSlot> slot_;
    std::optional<virtio::MmioSource> mmio_;
    std::optional<fake::PciBus> bus_;
    std::optional<fake::VirtioPci> function_;
    std::optional<bus::pci::Host> host_;
    std::optional<virtio::PciSource> pci_;
};

} // namespace vireo::fuzz
