// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/block_map.h"

namespace vireo::fs::ext4 {

Result<Bytes> MapNodes::load(Storage& storage, usize level, u64 block) {
    Level& to = levels_[level];
    if (to.memory.is_empty())
        to.memory = VIREO_TRY(OwnedArray<std::byte>::create(storage.layout().block_bytes));
    to.block = 0; // what is there now will be gone, even if the read fails
    VIREO_TRY(storage.read_block(block, to.memory));
    to.block = block;
    return Bytes(to.memory);
}

Result<Run> BlockMap::find(u64 logical) {
    if (inode_.has(wire::inode_flag_extents))
        return find_in_extent_tree(storage_, inode_, nodes_, logical);
    return find_in_pointers(storage_, inode_, nodes_, logical);
}

} // namespace vireo::fs::ext4
