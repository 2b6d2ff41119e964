// SPDX-License-Identifier: Apache-2.0
#include "load/pieces.h"

#include "base/math.h"

namespace vireo::load {

using Kind = Failure::Kind;

namespace {

bool share_memory(MutableBytes a, MutableBytes b) {
    std::less<const std::byte*> is_below; // also between two arrays
    return !a.empty() && !b.empty() && is_below(a.data(), b.data() + b.size()) &&
           is_below(b.data(), a.data() + a.size());
}

Error bad(const char* what) { return error(ErrorCode::InvalidArgument, what); }

} // namespace

Outcome<u64> bytes_of(const Part& part, u64 file_bytes, Failure& failure) {
    if (part.offset > file_bytes)
        return failure.is(Kind::File, error(ErrorCode::OutOfRange, "position beyond the end of file"));
    const u64 bytes = file_bytes - part.offset;
    return part.limit != 0 ? std::min(bytes, part.limit) : bytes;
}

Outcome<> check_pieces(std::span<const FilePiece> pieces, Failure& failure) {
    if (pieces.empty())
        return failure.is(Kind::BadPieces, bad("nothing is wanted of the file"));
    if (pieces.size() > max_pieces)
        return failure.is(Kind::BadPieces, bad("too many pieces"));
    for (usize i = 0; i < pieces.size(); ++i)
        for (usize j = 0; j < i; ++j)
            if (share_memory(pieces[i].memory, pieces[j].memory))
                return failure.is(Kind::BadPieces, bad("two pieces share memory"));
    return {};
}

Outcome<> check_inside(std::span<const FilePiece> pieces, u64 file_bytes, Failure& failure) {
    for (usize i = 0; i < pieces.size(); ++i)
        if (!range_fits(pieces[i].offset, pieces[i].memory.size(), file_bytes)) {
            failure.bytes = file_bytes;
            failure.piece = i;
            return failure.is(Kind::BeyondFile);
        }
    return {};
}

u64 bytes_of(std::span<const FilePiece> pieces) {
    u64 bytes = 0;
    for (const FilePiece& piece : pieces)
        bytes += piece.memory.size();
    return bytes;
}

} // namespace vireo::load
