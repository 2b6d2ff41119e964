// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "block/cache.h"
#include "block/findings.h"

namespace vireo::block {

// Part of a disk (a partition, or the whole) addressed in bytes: what a file system reads. Bounds are
// those of the part, checked against the disk at creation. Small reads go through a cache with read-ahead;
// large ones straight to the caller's memory. Errors of all reads: OutOfRange (beyond the volume) and
// those of BlockDevice::read.
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

    u64 bytes() const { return block_count_ * device_->facts().block_bytes; }
    device::BlockDevice& device() const { return *device_; }
    u64 first_block() const { return first_block_; } // of the disk
    // What a file system found out about the data here.
    Findings& findings() { return findings_; }
    const Findings& findings() const { return findings_; }

    // Metadata: any offset and length inside the volume, through the cache.
    Result<> read(u64 offset, MutableBytes memory);

    // File data: many pieces at once, whole blocks straight into the caller's memory, edges through the
    // cache. Pieces that are neighbours on the disk and in memory become one extent.
    Result<> read_pieces(std::span<const Piece> pieces);

    // Brings what will be read soon into the cache in one transfer (e.g. the inodes that a directory listing
    // needs). Offsets in any order. The number of leading offsets that need no request of their own now, at
    // least one: when the first ones are in the cache already, how many (and nothing is read); else as many
    // as the cache can hold. A block that cannot be read is no error here: it is one where it is read. For
    // bytes_each up to 64 KiB.
    Result<usize> prefetch(std::span<const u64> offsets, u32 bytes_each);

  private:
    static constexpr usize most_extents = 4096; // of one transfer
    static constexpr usize most_edges = 16;

    Volume(device::BlockDevice& device, u64 first_block, u64 block_count, Cache cache)
        : device_(&device), first_block_(first_block), block_count_(block_count), cache_(std::move(cache)) {}
    Result<> read_edges(std::span<const Piece> edges);

    device::BlockDevice* device_;
    u64 first_block_;
    u64 block_count_;
    Cache cache_;
    Findings findings_;
    OwnedArray<device::BlockExtent> extents_; // of read_pieces, as many as the largest call wanted so far
};

} // namespace vireo::block
