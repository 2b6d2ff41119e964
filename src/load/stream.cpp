// SPDX-License-Identifier: Apache-2.0
#include "load/stream.h"

namespace vireo::load {

Outcome<Loaded> part_of_stream(const Part& part, u64 came, std::optional<u64> total) {
    if (part.offset > came)
        return failed(Failure::Kind::File, error(ErrorCode::OutOfRange, "position beyond the end of file"));
    u64 bytes = came - part.offset;
    if (part.limit != 0)
        bytes = std::min(bytes, part.limit);
    return Loaded{.bytes = bytes, .file_bytes = total};
}

Outcome<Loaded> pieces_of_stream(std::span<const FilePiece> pieces, u64 came, std::optional<u64> total) {
    if (auto inside = check_inside(pieces, came); !inside)
        return std::unexpected(inside.error());
    return Loaded{.bytes = bytes_of(pieces), .file_bytes = total};
}

} // namespace vireo::load
