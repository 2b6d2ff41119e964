// SPDX-License-Identifier: Apache-2.0
#include "load/pieces.h"

#include "base/math.h"

namespace vireo::load {

namespace {

bool share_memory(MutableBytes a, MutableBytes b) {
    std::less<const std::byte*> is_below; // also between two arrays
    return !a.empty() && !b.empty() && is_below(a.data(), b.data() + b.size()) &&
           is_below(b.data(), a.data() + a.size());
}

Error bad(const char* what) { return error(ErrorCode::InvalidArgument, what); }

} // namespace

Outcome<void> check_pieces(std::span<const FilePiece> pieces) {
    using Kind = Failure::Kind;
    if (pieces.empty())
        return failed(Kind::BadPieces, bad("nothing is wanted of the file"));
    if (pieces.size() > max_pieces)
        return failed(Kind::BadPieces, bad("too many pieces"));
    for (usize i = 0; i < pieces.size(); ++i)
        for (usize j = 0; j < i; ++j)
            if (share_memory(pieces[i].memory, pieces[j].memory))
                return failed(Kind::BadPieces, bad("two pieces share memory"));
    return {};
}

Outcome<void> check_inside(std::span<const FilePiece> pieces, u64 file_bytes) {
    for (usize i = 0; i < pieces.size(); ++i)
        if (!range_fits(pieces[i].offset, pieces[i].memory.size(), file_bytes))
            return std::unexpected(
                Failure{.kind = Failure::Kind::BeyondFile, .bytes = file_bytes, .piece = i});
    return {};
}

u64 bytes_of(std::span<const FilePiece> pieces) {
    u64 bytes = 0;
    for (const FilePiece& piece : pieces)
        bytes += piece.memory.size();
    return bytes;
}

} // namespace vireo::load
