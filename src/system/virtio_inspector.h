// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "base/result.h"

namespace vireo::system {

// What `virtio list` and `virtio scan` see of the VirtIO devices. Implemented by virtio/session.
class VirtioInspector {
  public:
    // How many VirtIO devices were found, with a driver or without.
    virtual usize device_count() const = 0;

    // Prints device `index` (in enumeration order): bus address, transport, type, driver, state, features offered and
    // accepted by name, queues.
    virtual void print_device(usize index, Writer& out) const = 0;

    // Looks for devices that are new and starts their drivers; gives devices that broke another chance. Returns how
    // many new devices were found; NotSupported if this machine has no VirtIO transport at all.
    virtual Result<usize> rescan() = 0;

    // Stops every driver and resets every device, so that none touches memory any more: before reset, power-off and
    // the hand-over to an operating system.
    virtual void quiesce_all() = 0;

  protected:
    ~VirtioInspector() = default;
};

} // namespace vireo::system
