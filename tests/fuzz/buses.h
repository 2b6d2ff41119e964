// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/host.h"
#include "fuzz/stack.h"
#include "virtio/transport/mmio/mmio_source.h"
#include "virtio/transport/pci/pci_source.h"

namespace vireo::fuzz {

// How a device behaves from now on, for both kinds of device alike; what its own faults are is said by the
// bits that this leaves alone.
inline void set_faults(fake::Faults& faults, u16 bits) {
    faults.scribbles = bits & 1;
    faults.no_interrupts = bits & 2;
    faults.suppresses_notifications = bits & 4;
    faults.never_completes = (bits & 0x18) == 0x18;
    faults.deaf = (bits & 0x60) == 0x60;
    faults.refuse_features_ok = (bits & 0x180) == 0x180;
    faults.reset_polls = bits & 0x200 ? 40 : 0;
    faults.needs_reset_every = bits & 0x2000 ? 3 : 0;
}

// What becomes of one buffer after the other, round and round: 6 bytes each. Copies share them.
class Fates {
  public:
    explicit Fates(FuzzedData& input) : list_(std::make_shared<std::vector<Fate>>(1 + input.below(8))) {
        for (Fate& fate : *list_)
            fate = {input.byte(), input.byte(), input.number<u32>()};
    }

    u8 what(u64 number) const { return of(number).what; }
    u64 latency(u64 number) const { return of(number).delay * u64{100} * hosted::microsecond; }
    void falsify(u64 number, fake::Completion& completion) const {
        const Fate& fate = of(number);
        if (fate.what & 1)
            completion.id = fate.number;
        if (fate.what & 2)
            completion.bytes_written = fate.number;
        if (fate.what & 4)
            completion.times = fate.number % 4;
    }

  private:
    struct Fate {
        u8 what;
        u8 delay;
        u32 number;
    };
    const Fate& of(u64 number) const { return (*list_)[number % list_->size()]; }

    std::shared_ptr<std::vector<Fate>> list_;
};

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
