// SPDX-License-Identifier: Apache-2.0
#include "block/volume.h"

namespace vireo::block {

Result<Volume> Volume::create(device::BlockDevice& device, u64 first_block, u64 block_count) {
    if (!range_fits(first_block, block_count, device.facts().block_count))
        return error(ErrorCode::OutOfRange, "volume reaches beyond the disk");
    return Volume(device, first_block, block_count,
                  VIREO_TRY(Cache::create(device, first_block, block_count)));
}

Result<Volume> Volume::whole(device::BlockDevice& device) {
    return create(device, 0, device.facts().block_count);
}

Result<> Volume::read(u64 offset, MutableBytes memory) {
    if (!range_fits(offset, memory.size(), bytes()))
        return error(ErrorCode::OutOfRange, "read beyond the end of the volume");
    return cache_.read(offset, memory);
}

Result<usize> Volume::prefetch(std::span<const u64> offsets, u32 bytes_each) {
    for (u64 offset : offsets)
        if (!range_fits(offset, bytes_each, bytes()))
            return error(ErrorCode::OutOfRange, "read beyond the end of the volume");
    return cache_.prefetch(offsets, bytes_each);
}

// Parts of logical blocks, each within one: fetched together, then copied.
Result<> Volume::read_edges(std::span<const Piece> edges) {
    std::array<u64, most_edges> offsets;
    for (usize i = 0; i < edges.size(); ++i)
        offsets[i] = edges[i].offset;
    for (usize done = 0; done < edges.size();) {
        usize here = VIREO_TRY(cache_.prefetch({offsets.data() + done, edges.size() - done}, 1));
        for (const Piece& edge : edges.subspan(done, here))
            VIREO_TRY(cache_.read(edge.offset, {edge.memory, static_cast<usize>(edge.bytes)}));
        done += here;
    }
    return {};
}

Result<> Volume::read_pieces(std::span<const Piece> pieces) {
    for (const Piece& piece : pieces)
        if (!range_fits(piece.offset, piece.bytes, bytes()))
            return error(ErrorCode::OutOfRange, "read beyond the end of the volume");

    const u32 block_bytes = device_->facts().block_bytes;
    // Kept for the next call: a large file is read in few calls, and the longer a transfer, the longer the
    // disk's queue stays full.
    if (usize wanted = std::min(pieces.size(), most_extents); extents_.size() < wanted)
        extents_ = VIREO_TRY(OwnedArray<device::BlockExtent>::create(wanted));
    usize extent_count = 0;
    FixedVector<Piece, most_edges> edges;
    auto flush_extents = [&] -> Result<> {
        usize count = std::exchange(extent_count, 0);
        return count == 0 ? Result<>() : device_->read({extents_.data(), count});
    };
    auto flush_edges = [&] -> Result<> {
        Result<> done = edges.is_empty() ? Result<>() : read_edges({edges.data(), edges.size()});
        edges.clear();
        return done;
    };
    auto add_edge = [&](const Piece& edge) -> Result<> {
        if (edges.is_full())
            VIREO_TRY(flush_edges());
        VIREO_ASSERT(edges.try_push_back(edge));
        return {};
    };

    for (usize i = 0; i < pieces.size();) {
        // Neighbours become one piece before anything is cut at block borders: where a file system's blocks
        // are smaller than the disk's, that leaves two edges for a run instead of one for each of its blocks.
        Piece run = pieces[i++];
        while (i < pieces.size() && pieces[i].offset == run.offset + run.bytes &&
               pieces[i].memory == run.memory + run.bytes)
            run.bytes += pieces[i++].bytes;

        u64 end = run.offset + run.bytes;
        u64 whole_start = std::min(align_up(run.offset, block_bytes), end);
        u64 whole_end = std::max(align_down(end, block_bytes), whole_start);
        if (run.offset < whole_start)
            VIREO_TRY(add_edge({run.offset, run.memory, whole_start - run.offset}));
        if (whole_start < whole_end) {
            if (extent_count == extents_.size())
                VIREO_TRY(flush_extents());
            extents_[extent_count++] = {first_block_ + whole_start / block_bytes,
                                        run.memory + (whole_start - run.offset), whole_end - whole_start};
        }
        if (whole_end < end)
            VIREO_TRY(add_edge({whole_end, run.memory + (whole_end - run.offset), end - whole_end}));
    }
    VIREO_TRY(flush_extents());
    return flush_edges();
}

} // namespace vireo::block
