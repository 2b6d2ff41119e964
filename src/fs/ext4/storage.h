// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/ext4/layout.h"

namespace vireo::fs::ext4 {

// The metadata of a mounted file system: its volume, its layout, and where each inode lies. Blocks and inode
// numbers may come straight from the disk: they are checked here.
class Storage {
  public:
    Storage(block::Volume volume, const Layout& layout) : volume_(std::move(volume)), layout_(layout) {}

    const Layout& layout() const { return layout_; }
    block::Volume& volume() { return volume_; }
    const block::Volume& volume() const { return volume_; }

    // Reads a whole block through the cache; `memory` is block_bytes long. Corrupt if it is
    // outside the file system.
    Result<> read_block(u64 block, MutableBytes memory);

    // Where on the volume the record of an inode starts. Corrupt if there is no such inode, or if the
    // descriptor of its group names no place for it. A descriptor whose checksum is wrong is a finding and is
    // used, as Linux does on a read-only mount: the place is checked, and each inode has a checksum of its
    // own that covers its number.
    Result<u64> inode_offset(u32 number);

  private:
    Result<u64> inode_table(u32 group);
    void note_wrong_checksum(u32 group);
    u64 descriptor_offset(u32 group) const;
    bool has_superblock(u32 group) const;

    block::Volume volume_;
    Layout layout_;
    u32 recent_group_ = ~u32{0}; // most inodes asked for lie in the same group as the one before
    u64 recent_table_ = 0;
    OwnedArray<u64> noted_groups_; // one bit each; made when the first descriptor is wrong
};

} // namespace vireo::fs::ext4
