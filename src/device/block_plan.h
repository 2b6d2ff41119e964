// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/math.h"
#include "device/block_device.h"

// A part of block_device.cpp: how requests are cut.
namespace vireo::device {

// Walks extents and cuts requests from them, each as large as the device's limits and our own allow. Extents
// that follow each other on the disk go into one request, whose segments then lie wherever the caller wants
// the data. Discard and WriteZeroes have extents without memory.
class BlockDevice::Plan {
  public:
    // `repeated_bytes`: not 0, where every segment comes from the same so many bytes of memory.
    Plan(const BlockFacts& facts, Operation operation, std::span<const BlockExtent> extents,
         usize repeated_bytes)
        : facts_(&facts), extents_(extents), repeated_bytes_(repeated_bytes), operation_(operation) {
        skip_finished();
    }
    bool is_done() const { return extents_.empty(); }

    // With at most so many bytes, but one block at least.
    void fill(BlockRequest& request, u64 most_bytes) {
        request.operation = operation_;
        request.segments.clear();
        request.first_block = position();
        if (operation_ == Operation::Discard || operation_ == Operation::WriteZeroes)
            return take_range(request, most_bytes);
        u64 next_block = request.first_block;
        u64 room =
            std::min(largest_request_bytes,
                     std::max<u64>(align_down<u64>(most_bytes, facts_->block_bytes), facts_->block_bytes));
        if (facts_->max_request_bytes != 0)
            room = std::min<u64>(room, facts_->max_request_bytes);
        usize max_segments = std::min<usize>(facts_->max_segments, BlockRequest::max_segments);
        while (!is_done() && position() == next_block && room >= facts_->block_bytes) {
            u64 bytes = take_segment(request, std::min(room, extents_.front().bytes - done_), max_segments);
            if (bytes == 0)
                break;
            room -= bytes;
            next_block += bytes / facts_->block_bytes;
            done_ += bytes;
            skip_finished();
        }
        request.block_count = next_block - request.first_block;
    }

  private:
    // Of ranges without data in memory. Zeroes may have to be written one by one by the device: the more
    // bytes in one request, the longer nothing shows. A discard only changes tables.
    static constexpr u64 largest_zeroing_bytes = u64{32} << 20;
    static constexpr u64 largest_discard_bytes = u64{1} << 30;

    u64 position() const { return extents_.front().first_block + done_ / facts_->block_bytes; }

    // Adds up to `bytes` at the current place; how much it was, 0 if the request is full.
    u64 take_segment(BlockRequest& request, u64 bytes, usize max_segments) {
        std::byte* memory = extents_.front().memory;
        if (repeated_bytes_ != 0)
            bytes = std::min<u64>(bytes, repeated_bytes_);
        else
            memory += done_;
        if (!request.segments.is_empty()) {
            // Memory that goes on where the last segment ends needs no new one.
            auto& last = request.segments.back();
            if (last.memory + last.bytes == memory && last.bytes < facts_->max_segment_bytes) {
                bytes = std::min<u64>(bytes, facts_->max_segment_bytes - last.bytes);
                last.bytes += static_cast<u32>(bytes);
                return bytes;
            }
        }
        if (request.segments.size() == max_segments)
            return 0;
        bytes = std::min<u64>(bytes, facts_->max_segment_bytes);
        VIREO_ASSERT(request.segments.try_push_back({memory, static_cast<u32>(bytes)}));
        return bytes;
    }

    void take_range(BlockRequest& request, u64 most_bytes) {
        bool discards = operation_ == Operation::Discard;
        u64 limit = discards ? facts_->max_discard_blocks : facts_->max_write_zeroes_blocks;
        u64 bytes = discards ? largest_discard_bytes : std::min(largest_zeroing_bytes, most_bytes);
        limit = std::min(limit, std::max<u64>(bytes / facts_->block_bytes, 1));
        u64 left = (extents_.front().bytes - done_) / facts_->block_bytes;
        u64 count = std::min(limit, left);
        u64 end = request.first_block + count;
        // A device may ignore the part of a discard that does not fill a unit of its own: cut
        // between two of them.
        u64 whole_units_end = end - end % facts_->discard_alignment_blocks;
        if (discards && count < left && whole_units_end > request.first_block)
            count = whole_units_end - request.first_block;
        request.block_count = count;
        done_ += count * facts_->block_bytes;
        skip_finished();
    }

    void skip_finished() {
        while (!extents_.empty() && done_ == extents_.front().bytes) {
            extents_ = extents_.subspan(1);
            done_ = 0;
        }
    }

    const BlockFacts* facts_;
    std::span<const BlockExtent> extents_;
    usize repeated_bytes_;
    u64 done_ = 0; // bytes of the first extent that are in earlier requests
    Operation operation_;
};

} // namespace vireo::device
