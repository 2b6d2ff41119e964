// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/host.h"
#include "device/registry.h"
#include "event/event_loop.h"
#include "hosted/fakes/blk.h"
#include "hosted/fakes/mmio.h"
#include "hosted/fakes/rng.h"
#include "hosted/fakes/virtio_pci.h"
#include "unit/support/complaints.h"
#include "virtio/session/device_manager.h"
#include "virtio/transport/mmio/mmio_source.h"
#include "virtio/transport/pci/pci_source.h"

namespace vireo::test {

enum class Bus { MmioLegacy, Mmio, PciLegacy, PciTransitional, Pci };
inline constexpr Bus all_buses[] = {Bus::MmioLegacy, Bus::Mmio, Bus::PciLegacy, Bus::PciTransitional,
                                    Bus::Pci};
inline constexpr Bus modern_buses[] = {Bus::Mmio, Bus::PciTransitional, Bus::Pci};
inline constexpr Bus legacy_buses[] = {Bus::MmioLegacy, Bus::PciLegacy};
inline bool is_mmio(Bus bus) { return bus == Bus::Mmio || bus == Bus::MmioLegacy; }
inline bool is_legacy(Bus bus) { return bus == Bus::PciLegacy || bus == Bus::MmioLegacy; }
inline const char* name_of(Bus bus) {
    switch (bus) {
    case Bus::MmioLegacy:
        return "MmioLegacy";
    case Bus::Mmio:
        return "Mmio";
    case Bus::PciLegacy:
        return "PciLegacy";
    case Bus::PciTransitional:
        return "PciTransitional";
    default:
        return "Pci";
    }
}

// A machine with fake devices on one kind of bus, and Vireo's whole VirtIO stack on top of it, as the firmware puts it
// together: plug in devices, arrange how they behave, start().
class Machine {
  public:
    explicit Machine(Bus bus,
                     std::span<const virtio::DriverManifest* const> drivers = virtio::linked_drivers())
        : bus_(bus), manager(loop, registry, drivers) {
        // pc_host: the port mechanisms get their share of tests, too.
        if (!is_mmio(bus))
            pci_bus_ = std::make_unique<fake::PciBus>(bus == Bus::PciLegacy ? fake::PciBus::pc_host()
                                                                            : fake::PciBus::virt_host());
    }

    template <typename D> D& plug(std::unique_ptr<D> device) {
        D& plugged = *device;
        usize index = devices_.size();
        if (is_mmio(bus_)) {
            slots_.push_back(std::make_unique<fake::MmioSlot>(mmio_base + index * fake::MmioSlot::bytes,
                                                              bus_ == Bus::MmioLegacy ? 1 : 2, &plugged));
        } else {
            using Flavour = fake::VirtioPci::Flavour;
            functions_.push_back(std::make_unique<fake::VirtioPci>(plugged, bus_ == Bus::Pci ? Flavour::Modern
                                                                            : bus_ == Bus::PciLegacy
                                                                                ? Flavour::Legacy
                                                                                : Flavour::Transitional));
            pci_bus_->plug(static_cast<unsigned>(1 + index), 0, *functions_.back());
        }
        devices_.push_back(std::move(device));
        return plugged;
    }
    fake::Blk& plug_disk(u64 sectors = 8192, usize queues = 1) {
        return plug_disk(std::make_unique<fake::MemoryDisk>(sectors, true), queues);
    }
    fake::Blk& plug_disk(std::unique_ptr<fake::Disk> disk, usize queues = 1) {
        return plug(
            std::make_unique<fake::Blk>("disk" + std::to_string(devices_.size()), std::move(disk), queues));
    }
    fake::Rng& plug_rng() {
        return plug(std::make_unique<fake::Rng>("rng" + std::to_string(devices_.size())));
    }

    // Finds and starts everything, as at boot.
    void start() {
        if (is_mmio(bus_)) {
            for (auto& slot : slots_)
                places_.push_back({slot->base(), fake::MmioSlot::bytes});
            source_mmio_.emplace(places_);
            manager.add_source(*source_mmio_);
        } else {
            host_ = std::make_unique<bus::pci::Host>(pci_bus_->host());
            source_pci_.emplace(*host_);
            manager.add_source(*source_pci_);
        }
        manager.start();
    }
    ~Machine() { manager.quiesce_all(); }

    Bus bus() const { return bus_; }
    fake::MmioSlot& slot(usize index = 0) { return *slots_[index]; }
    fake::VirtioPci& function(usize index = 0) { return *functions_[index]; }
    fake::PciBus& pci_bus() { return *pci_bus_; }
    virtio::Session& session(usize index = 0) { return *manager.find(index); }
    virtio::Session::State state(usize index = 0) { return session(index).state(); }
    device::BlockDevice* disk(u64 number = 0) { return registry.block.find(number); }
    device::EntropySource* entropy(u64 number = 0) { return registry.entropy.find(number); }
    std::string listing(usize index = 0) {
        StringBuffer<4096> text;
        manager.print_device(index, text);
        return std::string(text.view());
    }

    static constexpr u64 mmio_base = 0x0a00'0000;
    Complaints complaints;

  private:
    Bus bus_;
    std::vector<std::unique_ptr<fake::Device>> devices_;
    std::vector<std::unique_ptr<fake::MmioSlot>> slots_;
    std::vector<std::unique_ptr<fake::VirtioPci>> functions_;
    std::unique_ptr<fake::PciBus> pci_bus_;
    std::vector<virtio::MmioSlot> places_;
    std::optional<virtio::MmioSource> source_mmio_;
    std::unique_ptr<bus::pci::Host> host_;
    std::optional<virtio::PciSource> source_pci_;

  public:
    // Last, so that the stack goes before the devices and the check for leaks comes after everything.
    event::EventLoop loop;
    device::Registry registry;
    virtio::DeviceManager manager;
};

// A test of the whole stack, once for each bus: `INSTANTIATE_TEST_SUITE_P(All, Suite, on(all_buses), bus_name)`.
class OnBus : public testing::TestWithParam<Bus> {
  protected:
    Machine machine{GetParam()};
};
template <usize N> auto on(const Bus (&buses)[N]) { return testing::ValuesIn(buses); }
inline std::string bus_name(const testing::TestParamInfo<Bus>& info) { return name_of(info.param); }

// What a patterned MemoryDisk holds: each 8 bytes are the number of their sector.
inline bool has_pattern(Bytes bytes, u64 first_sector) {
    for (usize at = 0; at < bytes.size(); at += 8) {
        u64 word;
        std::memcpy(&word, bytes.data() + at, 8);
        if (word != first_sector + at / 512)
            return false;
    }
    return true;
}

inline std::vector<std::byte> bytes_of(usize count, int fill = 0xee) {
    return std::vector<std::byte>(count, static_cast<std::byte>(fill));
}

} // namespace vireo::test
