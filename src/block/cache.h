// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"
#include "device/block_device.h"

namespace vireo::block {

// The blocks of a volume that were read last, in lines of 16 KiB (one logical block, where that is larger):
// large enough that one request brings the neighbours that metadata readers ask for next, few enough that
// finding a line needs no index. Misses that follow each other on the disk are read ahead, up to eight lines
// at a time. Offsets are bytes from the start of the volume; the caller has checked them.
class Cache {
  public:
    static constexpr u32 pool_bytes = 512 * 1024;
    static constexpr u32 smallest_line_bytes = 16 * 1024;

    // A cache of blocks [first_block, first_block + block_count) of `device`. NoMemory.
    static Result<Cache> create(device::BlockDevice& device, u64 first_block, u64 block_count);

    Result<> read(u64 offset, MutableBytes memory);

    // See Volume::prefetch.
    Result<usize> prefetch(std::span<const u64> offsets, u32 bytes_each);

  private:
    static constexpr usize most_lines = pool_bytes / smallest_line_bytes;
    static constexpr u64 no_line = ~u64{0};
    static constexpr u64 most_read_ahead_lines = 8;

    struct Line {
        u64 number; // which line of the volume, no_line if none
        u32 last_use;
    };

    u64 volume_bytes() const { return block_count_ * device_->facts().block_bytes; }
    std::pair<u64, u64> lines_of(u64 offset, u32 bytes) const;
    MutableBytes memory_of(usize slot, u64 number);
    std::optional<usize> find(u64 number);
    usize oldest_slot() const;
    Result<usize> line(u64 number);
    Result<> fetch(std::span<const u64> numbers);
    Result<> read_around_cache(u64 offset, MutableBytes memory);

    device::BlockDevice* device_ = nullptr;
    u64 first_block_ = 0;
    u64 block_count_ = 0;
    u32 line_bytes_ = 0;
    u32 clock_ = 0;         // a use of any line ticks it: the least recently used line makes room
    usize recent_slot_ = 0; // where the last line was found: mostly the next one asked for
    u64 next_miss_ = no_line;
    u64 read_ahead_ = 1;
    OwnedArray<Line> lines_;
    std::unique_ptr<std::byte[]> memory_;
};

} // namespace vireo::block
