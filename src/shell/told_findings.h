// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "block/findings.h"
#include "device/block_device.h"

namespace vireo::shell {

// What the user has been told about the data of disks. Each kind of finding is said once for each
// part of a disk, until the disk changes: it is written to, resized, or `virtio scan` may have put
// another in its place.
class ToldFindings {
  public:
    // True if this was not said before; from now on it was. `first_block`: where the part starts.
    bool is_news(const device::BlockDevice& disk, u64 first_block, const block::FindingKind& kind);
    // What is said about the disk from now on is news.
    void forget(const device::BlockDevice& disk);
    void forget_all() { count_ = 0; }

  private:
    struct Item {
        const device::BlockDevice* disk;
        u64 disk_blocks; // when it was said
        u64 first_block;
        const block::FindingKind* kind;
        bool operator==(const Item&) const = default;
    };
    // The oldest makes room for one more: then it is said again, which is better than never.
    static constexpr usize most_items = 64;
    void erase(usize index);

    std::array<Item, most_items> items_{};
    usize count_ = 0;
};

} // namespace vireo::shell
