// SPDX-License-Identifier: Apache-2.0
#include "device/registry.h"

namespace vireo::device {

// The place of an interface, which is new or known; nothing if there are too many.
std::optional<usize> DiskList::kind_of(std::string_view interface) {
    usize kind = static_cast<usize>(std::ranges::find(names_, interface) - names_.begin());
    if (kind == names_.size() && !names_.try_push_back(interface))
        return std::nullopt;
    return kind;
}

Result<> DiskList::add(BlockDevice& disk) {
    auto kind = kind_of(disk.interface());
    if (!kind)
        return error(ErrorCode::TooLarge, "too many kinds of disks");
    VIREO_TRY(DeviceList::add(disk));
    disk.number_ = counts_[*kind]++;
    return {};
}

BlockDevice* DiskList::find(std::string_view interface, u64 number) const {
    for (u64 i = 0; i < count(); ++i)
        if (BlockDevice* disk = find(i); disk && disk->number() == number && disk->interface() == interface)
            return disk;
    return nullptr;
}

} // namespace vireo::device
