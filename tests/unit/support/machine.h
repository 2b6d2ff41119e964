// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/host.h"
#include "hosted/fakes/blk.h"
#include "hosted/fakes/mmio.h"
#include "hosted/fakes/rng.h"
#include "hosted/fakes/virtio_pci.h"
#include "machine/firmware/device_stack.h"
#include "unit/support/complaints.h"
#include "virtio/transport/mmio/mmio_source.h"
#include "virtio/transport/pci/pci_source.h"

namespace vireo::test {

// Which form of queues the devices on a modern bus offer, where it is not the usual one.
struct Rings {
    const char* name = "";
    bool packed = false;
    bool in_order = false; // asked for; up to four buffers are reported at once
    bool event_idx = true;
    bool indirect = true;
    bool notification_data = false; // asked for
    bool ring_reset = false;
    u16 queues = 1; // of a disk, with F_MQ
};

// A bus with VirtIO devices on it.
struct Bus {
    // PciNoRoom: no BAR has an address, so everything goes through configuration space.
    enum Kind : u8 { MmioLegacy, Mmio, PciLegacy, PciTransitional, Pci, PciNoRoom };
    Kind kind;
    Rings rings = {};

    constexpr Bus(Kind the_kind, Rings the_rings = {}) : kind(the_kind), rings(the_rings) {}
    constexpr operator Kind() const { return kind; }
};
inline constexpr Bus all_buses[] = {Bus::MmioLegacy, Bus::Mmio, Bus::PciLegacy, Bus::PciTransitional,
                                    Bus::Pci};
inline constexpr Bus modern_buses[] = {Bus::Mmio, Bus::PciTransitional, Bus::Pci};
inline constexpr Bus legacy_buses[] = {Bus::MmioLegacy, Bus::PciLegacy};
// Beside all_buses, for suites that concern the queues: the packed format everywhere, and each
// variant of both.
inline constexpr Bus packed_buses[] = {{Bus::Mmio, {.name = "Packed", .packed = true}},
                                       {Bus::PciTransitional, {.name = "Packed", .packed = true}},
                                       {Bus::Pci, {.name = "Packed", .packed = true}}};
inline constexpr Bus ring_variants[] = {
    {Bus::Mmio, {.name = "InOrder", .in_order = true}},
    {Bus::Pci, {.name = "InOrderDirect", .in_order = true, .indirect = false}},
    {Bus::PciTransitional, {.name = "Mq", .queues = 4}},
    {Bus::Pci, {.name = "NotificationData", .notification_data = true, .queues = 2}},
    {Bus::Pci, {.name = "PackedInOrder", .packed = true, .in_order = true}},
    {Bus::Mmio, {.name = "PackedInOrderDirect", .packed = true, .in_order = true, .indirect = false}},
    {Bus::Mmio, {.name = "PackedNoEventIdx", .packed = true, .event_idx = false}},
    {Bus::Pci, {.name = "PackedDirect", .packed = true, .indirect = false}},
    {Bus::Mmio, {.name = "PackedNotificationData", .packed = true, .notification_data = true}},
    {Bus::PciTransitional, {.name = "PackedMqReset", .packed = true, .ring_reset = true, .queues = 4}},
    {Bus::PciNoRoom},
};
inline bool is_mmio(Bus bus) { return bus == Bus::Mmio || bus == Bus::MmioLegacy; }
inline bool is_legacy(Bus bus) { return bus == Bus::PciLegacy || bus == Bus::MmioLegacy; }
inline std::string name_of(Bus bus) {
    constexpr const char* names[] = {"MmioLegacy",      "Mmio", "PciLegacy",
                                     "PciTransitional", "Pci",  "PciNoRoom"};
    return std::string(names[bus.kind]) + bus.rings.name;
}

// A machine with fake devices on one kind of bus, and Vireo's whole VirtIO stack on top of it, as the
// firmware puts it together: plug in devices, arrange how they behave, start().
class Machine {
  public:
    explicit Machine(Bus bus,
                     std::span<const virtio::DriverManifest* const> drivers = virtio::linked_drivers())
        : bus_(bus), stack(drivers) {
        // pc_host: the port mechanisms get their share of tests, too.
        if (!is_mmio(bus))
            pci_bus_ = std::make_unique<fake::PciBus>(bus == Bus::PciLegacy ? fake::PciBus::pc_host()
                                                                            : fake::PciBus::virt_host());
    }

    template <typename D> D& plug(std::unique_ptr<D> device) {
        D& plugged = *device;
        offer_rings(plugged);
        usize index = devices_.size();
        if (is_mmio(bus_)) {
            slots_.push_back(std::make_unique<fake::MmioSlot>(mmio_base + index * fake::MmioSlot::bytes,
                                                              bus_ == Bus::MmioLegacy ? 1 : 2, &plugged));
        } else {
            using Flavour = fake::VirtioPci::Flavour;
            auto flavour = bus_ == Bus::PciLegacy         ? Flavour::Legacy
                           : bus_ == Bus::PciTransitional ? Flavour::Transitional
                                                          : Flavour::Modern;
            functions_.push_back(std::make_unique<fake::VirtioPci>(plugged, flavour));
            functions_.back()->has_config_access = bus_ == Bus::PciNoRoom;
            pci_bus_->plug(static_cast<unsigned>(1 + index), 0, *functions_.back());
        }
        devices_.push_back(std::move(device));
        return plugged;
    }
    fake::Blk& plug_disk(u64 sectors = 8192, usize queues = 1) {
        return plug_disk(std::make_unique<fake::MemoryDisk>(sectors, true), queues);
    }
    fake::Blk& plug_disk(std::unique_ptr<fake::Disk> disk, usize queues = 1) {
        auto made = std::make_unique<fake::Blk>("disk" + std::to_string(devices_.size()), std::move(disk),
                                                std::max<usize>(queues, bus_.rings.queues));
        if (queues == 1 && bus_.rings.queues > 1)
            made->set_num_queues(bus_.rings.queues);
        return plug(std::move(made));
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
            auto description = pci_bus_->host();
            if (bus_ == Bus::PciNoRoom)
                description.io = description.memory = description.memory64 = {};
            host_ = std::make_unique<bus::pci::Host>(description);
            source_pci_.emplace(*host_);
            manager.add_source(*source_pci_);
        }
        manager.start();
        wish_for_rings();
    }
    ~Machine() { (void)manager.quiesce_all(); }

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
    void offer_rings(fake::Device& device) {
        const Rings& rings = bus_.rings;
        if (!rings.event_idx)
            device.offered.remove(fake::feature::event_idx);
        if (!rings.indirect)
            device.offered.remove(fake::feature::indirect_desc);
        auto offer = [&](bool wanted, unsigned bit) {
            if (wanted)
                device.offered.add(bit);
        };
        offer(rings.packed, fake::feature::ring_packed);
        offer(rings.in_order, fake::feature::in_order);
        offer(rings.notification_data, fake::feature::notification_data);
        offer(rings.ring_reset, fake::feature::ring_reset);
        if (rings.in_order)
            device.in_order_batch = 4;
    }
    // What Vireo does not accept by itself.
    void wish_for_rings() {
        for (auto [wanted, name] : {std::pair(bus_.rings.in_order, "in_order"),
                                    std::pair(bus_.rings.notification_data, "notification_data")})
            for (usize i = 0; wanted && i < devices_.size(); ++i)
                (void)manager.wish(i, name, system::FeatureWish::On); // not for slots that are no device
        if (bus_.rings.in_order || bus_.rings.notification_data)
            (void)manager.rescan();
    }

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
    machine::DeviceStack stack;
    event::EventLoop& loop = stack.loop;
    device::Registry& registry = stack.registry;
    virtio::DeviceManager& manager = stack.manager;
};

// A test of the whole stack, once for each bus: `INSTANTIATE_TEST_SUITE_P(All, Suite,
// on(all_buses), bus_name)`.
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
