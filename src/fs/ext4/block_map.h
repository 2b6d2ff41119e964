// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/ext4/inode.h"

namespace vireo::fs::ext4 {

// Consecutive blocks of a file that lie together on the disk, or that are nowhere and read as zeros.
struct Run {
    u64 first_block; // on the disk; 0: a hole, or allocated and never written
    u64 block_count; // at least 1

    bool is_hole() const { return first_block == 0; }
};

// Blocks of the tree between an inode and its data: the last one read of each level, as a file that is read
// from front to back needs each of them once.
class MapNodes {
  public:
    static constexpr usize most_levels = wire::deepest_extent_tree;

    // True if `block` is what `level` holds.
    bool holds(usize level, u64 block) const { return levels_[level].block == block; }
    // The block that `level` holds.
    Bytes bytes(usize level) const { return levels_[level].memory; }
    // Reads `block` into `level`. The caller checks it, and forgets it if it is wrong.
    Result<Bytes> load(Storage& storage, usize level, u64 block);
    void forget(usize level) { levels_[level].block = 0; }

  private:
    struct Level {
        u64 block = 0; // 0 if none: no tree has a node there
        OwnedArray<std::byte> memory;
    };
    std::array<Level, most_levels> levels_;
};

// Where the blocks of one file are: by an extent tree, or by the block map of ext2 and ext3.
class BlockMap {
  public:
    // Neither inline data nor short links have a map.
    BlockMap(Storage& storage, const Inode& inode) : storage_(storage), inode_(inode) {}

    // The longest run known without reading more, from block `logical` of the file on. Corrupt if
    // what says so is damaged.
    Result<Run> find(u64 logical);

  private:
    Storage& storage_;
    const Inode& inode_;
    MapNodes nodes_;
};

// The two kinds; `nodes` belongs to the file.
Result<Run> find_in_extent_tree(Storage& storage, const Inode& inode, MapNodes& nodes, u64 logical);
Result<Run> find_in_pointers(Storage& storage, const Inode& inode, MapNodes& nodes, u64 logical);

} // namespace vireo::fs::ext4
