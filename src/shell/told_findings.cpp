// SPDX-License-Identifier: Apache-2.0
#include "shell/told_findings.h"

namespace vireo::shell {

void ToldFindings::erase(usize index) {
    std::copy(items_.begin() + index + 1, items_.begin() + count_, items_.begin() + index);
    --count_;
}

bool ToldFindings::is_news(const device::BlockDevice& disk, u64 first_block, const block::FindingKind& kind) {
    const Item item{&disk, disk.facts().block_count, first_block, &kind};
    if (std::find(items_.begin(), items_.begin() + count_, item) != items_.begin() + count_)
        return false;
    if (count_ == most_items)
        erase(0);
    items_[count_++] = item;
    return true;
}

void ToldFindings::forget(const device::BlockDevice& disk) {
    for (usize i = count_; i-- > 0;)
        if (items_[i].disk == &disk)
            erase(i);
}

} // namespace vireo::shell
