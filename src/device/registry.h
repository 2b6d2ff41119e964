// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "device/block_device.h"
#include "device/entropy_source.h"
#include "device/net_device.h"

namespace vireo::device {

// Devices of one class, numbered from 0 in the order in which they were found. A number stays with its device
// until the next start; the registry does not own the devices.
template <typename T, usize Limit> class DeviceList {
  public:
    Result<> add(T& device) {
        if (!devices_.try_push_back(&device))
            return error(ErrorCode::TooLarge, "too many devices of this kind");
        return {};
    }
    // Forgets a device; later devices keep their numbers, and its number stays empty.
    void remove(T& device) {
        for (T*& entry : devices_)
            if (entry == &device)
                entry = nullptr;
    }
    // The device with this number, or nullptr.
    T* find(u64 number) const { return number < devices_.size() ? devices_[number] : nullptr; }
    // Numbers run from 0 to count() - 1; some may be empty.
    usize count() const { return devices_.size(); }

  private:
    FixedVector<T*, Limit> devices_;
};

// Disks: numbered in all, and by kind, as users name them.
class DiskList : public DeviceList<BlockDevice, 128> {
  public:
    // Also says to the disk which number it has among those of its interface.
    Result<> add(BlockDevice& disk);
    using DeviceList::find;
    // The disk with this number among those of an interface ("virtio"), or nullptr.
    BlockDevice* find(std::string_view interface, u64 number) const;
    // A driver of this build makes disks of this interface, whose name has static storage.
    void expect(std::string_view interface) { (void)kind_of(interface); } // one too many fails in add()
    // The interfaces of disks that there can be, each once: those expected, and those found, also if they are
    // gone.
    std::span<const std::string_view> interfaces() const { return {names_.data(), names_.size()}; }

  private:
    std::optional<usize> kind_of(std::string_view interface);
    static constexpr usize max_interfaces = 8;
    FixedVector<std::string_view, max_interfaces> names_;
    std::array<u64, max_interfaces> counts_{}; // disks ever found
};

// What the upper floors find devices by.
struct Registry {
    DiskList block;
    DeviceList<EntropySource, 16> entropy;
    DeviceList<NetDevice, 16> net;
};

} // namespace vireo::device
