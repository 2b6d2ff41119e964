// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/format.h"
#include "base/result.h"

namespace vireo::system {

// What a user can want of a feature of a device: what Vireo does by itself, or that it is (not) accepted.
enum class FeatureWish : u8 { Default, On, Off };

// What `virtio list`, `scan`, `features` and `stats` see of the VirtIO devices. Implemented by
// virtio/session.
class VirtioInspector {
  public:
    // How many VirtIO devices were found, with a driver or without.
    virtual usize device_count() const = 0;

    // Prints device `index` (in enumeration order): bus address, transport, type, driver, state, features
    // offered and accepted by name, queues.
    virtual void print_device(usize index, Writer& out) const = 0;

    // Looks at every running device: whether it still works, and whether its configuration has changed.
    virtual void refresh() = 0;

    // Looks for devices that are new and starts their drivers; gives devices that broke another chance; waits
    // a short while for those that did not answer, and warns about those that still do not; starts those anew
    // whose wished features have changed. Returns how many new devices were found; NotSupported if this
    // machine has no VirtIO transport at all, Interrupted.
    virtual Result<usize> rescan() = 0;

    // Resets device `index` whatever it holds, and starts it again. The machine may stand still meanwhile,
    // until the host's storage answers. NotFound, or why it does not work.
    virtual Result<> reset(usize index) = 0;

    // Stops every driver and resets every device, so that none touches memory any more: before reset,
    // power-off and the hand-over to an operating system. DeviceBroken: one that was given memory does not
    // confirm its reset and may still write there (it is named in a warning), so nobody may be given the RAM.
    virtual Result<> quiesce_all() = 0;

    // Prints the features of device `index` that it offers or that Vireo could accept, one a line. NotFound:
    // there is no such device.
    virtual Result<> print_features(usize index, Writer& out) const = 0;

    // What is wanted of one feature of device `index` from the next rescan() on. `feature` is a name as
    // print_device() prints them, upper or lower case, or the decimal number of the bit. NotFound (device,
    // feature), InvalidArgument, NotSupported (it cannot be had).
    virtual Result<> wish(usize index, std::string_view feature, FeatureWish wish) = 0;

    // Prints what has been counted about device `index`, or starts counting anew. NotFound.
    virtual Result<> print_statistics(usize index, Writer& out) = 0;
    virtual Result<> clear_statistics(usize index) = 0;
    // Accesses to the registers of all devices since start, except the console's.
    virtual u64 register_accesses() const = 0;

  protected:
    ~VirtioInspector() = default;
};

} // namespace vireo::system
