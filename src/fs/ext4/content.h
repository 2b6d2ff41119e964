// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/ext4/block_map.h"

namespace vireo::fs::ext4 {

// The bytes of a file, wherever they are: in blocks on the disk, in the inode, or nowhere (holes).
class Content {
  public:
    // NotSupported for content that is compressed or encrypted.
    static Result<Content> create(Storage& storage, const Inode& inode);

    // Reads [offset, offset + memory.size()), which the caller knows to lie inside the file. Holes read as
    // zeros. Runs of blocks go straight into `memory`, many at a time; up to 16 KiB come through the cache.
    Result<> read(u64 offset, MutableBytes memory);

    // From `offset` on, how many bytes are a hole for sure (up to the end of the file): 0 if there is data.
    Result<u64> hole_at(u64 offset);

  private:
    static constexpr usize most_pieces = 4096;
    static constexpr usize small_read = 16 * 1024;

    Content(Storage& storage, const Inode& inode) : storage_(&storage), inode_(&inode) {}
    Result<> read_inline(u64 offset, MutableBytes memory);
    Result<> read_blocks(u64 offset, MutableBytes memory);

    Storage* storage_;
    const Inode* inode_;
    std::unique_ptr<BlockMap> map_;           // unless the data is inline
    OwnedArray<block::Volume::Piece> pieces_; // made at the first large read
};

} // namespace vireo::fs::ext4
