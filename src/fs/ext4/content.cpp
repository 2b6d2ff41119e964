// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/content.h"

namespace vireo::fs::ext4 {

Result<Content> Content::create(Storage& storage, const Inode& inode) {
    if (inode.has(wire::inode_flag_encrypted))
        return error(ErrorCode::NotSupported, "ext4: encrypted file or directory");
    if (inode.has(wire::inode_flag_compressed))
        return error(ErrorCode::NotSupported, "ext4: compressed file");
    Content content(storage, inode);
    if (!inode.has(wire::inode_flag_inline_data))
        content.map_ = VIREO_TRY(make_owned<BlockMap>(storage, inode));
    return content;
}

Result<> Content::read(u64 offset, MutableBytes memory) {
    if (inode_->has(wire::inode_flag_inline_data))
        return read_inline(offset, memory);
    return read_blocks(offset, memory);
}

// What the size promises beyond the data is a hole: tools that copy sparse files leave such inodes.
Result<> Content::read_inline(u64 offset, MutableBytes memory) {
    InlineData data = VIREO_TRY(read_inline_data(*storage_, *inode_));
    for (Bytes part : {Bytes(inode_->block), data.rest}) {
        usize skipped = static_cast<usize>(std::min<u64>(offset, part.size()));
        part = part.subspan(skipped, std::min(memory.size(), part.size() - skipped));
        if (!part.empty())
            std::memcpy(memory.data(), part.data(), part.size());
        memory = memory.subspan(part.size());
        offset -= skipped;
    }
    if (!memory.empty())
        std::memset(memory.data(), 0, memory.size());
    return {};
}

Result<u64> Content::hole_at(u64 offset) {
    if (inode_->has(wire::inode_flag_inline_data))
        return 0;
    u32 block_bytes = storage_->layout().block_bytes;
    Run run = VIREO_TRY(map_->find(offset / block_bytes));
    if (!run.is_hole())
        return 0;
    u64 end = (offset / block_bytes + run.block_count) * block_bytes;
    return std::min(end, inode_->bytes) - offset;
}

Result<> Content::read_blocks(u64 offset, MutableBytes memory) {
    block::Volume& volume = storage_->volume();
    const u32 block_bytes = storage_->layout().block_bytes;
    const bool is_small = memory.size() <= small_read;
    if (!is_small && pieces_.is_empty())
        pieces_ = VIREO_TRY(OwnedArray<block::Volume::Piece>::create(most_pieces));
    usize count = 0;
    while (!memory.empty()) {
        u64 within = offset % block_bytes;
        Run run = VIREO_TRY(map_->find(offset / block_bytes));
        // Blocks have at most 16 bits and runs 32: no overflow.
        usize bytes =
            static_cast<usize>(std::min<u64>(memory.size(), run.block_count * block_bytes - within));
        u64 place = run.first_block * block_bytes + within;
        if (run.is_hole()) {
            std::memset(memory.data(), 0, bytes);
        } else if (is_small) {
            VIREO_TRY(volume.read(place, memory.first(bytes)));
        } else {
            pieces_[count++] = {place, memory.data(), bytes};
            if (count == pieces_.size()) {
                VIREO_TRY(volume.read_pieces(pieces_));
                count = 0;
            }
        }
        offset += bytes;
        memory = memory.subspan(bytes);
    }
    return count == 0 ? Result<>() : volume.read_pieces({pieces_.data(), count});
}

} // namespace vireo::fs::ext4
