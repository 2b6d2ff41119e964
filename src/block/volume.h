// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "device/block_device.h"

namespace vireo::block {

// Part of a disk (a partition, or the whole) addressed in bytes: what a file system reads. Bounds are those of the
// part, checked against the disk at creation. Small reads go through a cache with read-ahead; large ones straight to
// the caller's memory.
class Volume {
  public:
    // A place of file data: `bytes` bytes from `offset` on go to `memory`.
    struct Piece {
        u64 offset;
        std::byte* memory;
        u64 bytes;
    };

    // [first_block, first_block + block_count) of the disk; OutOfRange if it does not lie on it.
    static Result<Volume> create(device::BlockDevice& device, u64 first_block, u64 block_count);
    static Result<Volume> whole(device::BlockDevice& device);

    u64 bytes() const;
    device::BlockDevice& device() const { return *device_; }

    // Metadata: any offset and length inside the volume, through the cache.
    Result<> read(u64 offset, MutableBytes memory);

    // File data: many pieces at once, whole blocks straight into the caller's memory, edges through the cache.
    Result<> read_pieces(std::span<const Piece> pieces);

    // Brings blocks that will be read soon into the cache in few requests (e.g. the inode tables that a directory
    // listing needs). Offsets in any order; too many for the cache: the first ones are taken.
    Result<> prefetch(std::span<const u64> offsets, u32 bytes_each);

  private:
    // (the owner of block/ completes this)
    device::BlockDevice* device_ = nullptr;
    u64 first_block_ = 0;
    u64 block_count_ = 0;
};

} // namespace vireo::block
