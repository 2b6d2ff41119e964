// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/registry.h"
#include "event/event_loop.h"
#include "virtio/session/device_manager.h"

namespace vireo::machine {

// The devices, and the loop that they run in. They are found when `manager` is started, with its sources
// added.
struct DeviceStack {
    explicit DeviceStack(std::span<const virtio::DriverManifest* const> drivers = virtio::linked_drivers())
        : manager(loop, registry, drivers) {}

    event::EventLoop loop;
    device::Registry registry;
    virtio::DeviceManager manager;
};

} // namespace vireo::machine
