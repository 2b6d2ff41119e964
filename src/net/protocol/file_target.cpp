// SPDX-License-Identifier: Apache-2.0
#include "net/protocol/file_target.h"

#include "base/bulk_copy.h"
#include "base/math.h"

namespace vireo::net {

FileTarget::FileTarget(std::span<const FilePiece> pieces) : pieces_(pieces), enough_(0) {
    for (const FilePiece& piece : pieces)
        enough_ = std::max(enough_, checked_add<u64>(piece.offset, piece.memory.size()).value_or(all));
}

FileTarget::FileTarget(MutableBytes memory, u64 offset, u64 limit) : whole_{offset, memory} {
    u64 end = checked_add<u64>(offset, memory.size()).value_or(all);
    if (limit != 0 && limit <= memory.size()) {
        whole_.memory = memory.first(static_cast<usize>(limit));
        enough_ = checked_add<u64>(offset, limit).value_or(all);
    } else {
        room_ = end;
    }
}

void FileTarget::store(u64 at, Bytes content) const {
    // A packet of a file that goes to one memory: nearly always.
    if (u64 skip = at - whole_.offset; pieces_.empty() && !content.empty() && at >= whole_.offset &&
                                       range_fits(skip, content.size(), whole_.memory.size()))
        return bulk_copy(whole_.memory.data() + skip, content);
    const u64 end = at + content.size();
    for (const FilePiece& piece : pieces_.empty() ? std::span(&whole_, 1) : pieces_) {
        u64 piece_end = checked_add<u64>(piece.offset, piece.memory.size()).value_or(all);
        u64 from = std::max(at, piece.offset);
        u64 to = std::min(end, piece_end);
        if (from < to)
            bulk_copy(piece.memory.data() + (from - piece.offset),
                      content.subspan(static_cast<usize>(from - at), static_cast<usize>(to - from)));
    }
}

} // namespace vireo::net
