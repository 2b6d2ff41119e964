// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "system/virtio_inspector.h"
#include "virtio/session/session.h"

namespace vireo::virtio {

// All VirtIO devices of the machine, in the order in which they were found: the sources in the order in which
// they were added, each in the order of its bus. It keeps every device, driven or not, working or not, until
// the end.
class DeviceManager final : public system::VirtioInspector, private TransportSource::Sink {
  public:
    DeviceManager(event::EventLoop& loop, device::Registry& registry,
                  std::span<const DriverManifest* const> drivers = linked_drivers())
        : loop_(loop), registry_(registry), drivers_(drivers) {}
    ~DeviceManager();

    // Before start(). The source must outlive the manager.
    void add_source(TransportSource& source);
    // Finds all devices and starts their drivers. A device that does not work is warned about and listed.
    void start();

    // --- system::VirtioInspector
    usize device_count() const override { return count_; }
    void print_device(usize index, Writer& out) const override;
    void refresh() override;
    Result<usize> rescan() override;
    Result<> reset(usize index) override;
    Result<> quiesce_all() override;
    Result<> print_features(usize index, Writer& out) const override;
    Result<> wish(usize index, std::string_view feature, system::FeatureWish wish) override;
    Result<> print_statistics(usize index, Writer& out) override;
    Result<> clear_statistics(usize index) override;
    u64 register_accesses() const override { return io::accesses(); }

    // The device with this index (in enumeration order), or nullptr.
    Session* find(usize index) const;

  private:
    void found(std::unique_ptr<Transport> transport) override;
    void enumerate();
    Result<Session*> get(usize index) const;
    void start_device(Session& session);

    // Devices are made once and never leave, so a list that only grows is enough.
    struct Entry : ListNode {
        explicit Entry(std::unique_ptr<Transport> transport, event::EventLoop& loop)
            : session(std::move(transport), loop) {}
        Session session;
        bool is_new = true;
    };

    event::EventLoop& loop_;
    device::Registry& registry_;
    std::span<const DriverManifest* const> drivers_;
    FixedVector<TransportSource*, 8> sources_;
    mutable IntrusiveList<Entry> devices_; // walking it does not change it
    usize count_ = 0;
};

} // namespace vireo::virtio
