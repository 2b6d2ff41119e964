// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/file_piece.h"
#include "load/failure.h"

namespace vireo::load {

// Which bytes of a file: from `offset` on, at most `limit` of them (0: all that follow).
struct Part {
    u64 offset = 0;
    u64 limit = 0;
};

// How many bytes that is of a file of so many. It may begin at the end of the file, not behind it: File.
Outcome<u64> bytes_of(const Part& part, u64 file_bytes, Failure& failure);

// As many segments as a program has, and more.
constexpr usize max_pieces = 64;

// That there are some, no more than max_pieces, and no two share memory: BadPieces.
Outcome<> check_pieces(std::span<const FilePiece> pieces, Failure& failure);
// That all of them end inside a file of so many bytes: BeyondFile, with the first that does not.
Outcome<> check_inside(std::span<const FilePiece> pieces, u64 file_bytes, Failure& failure);
u64 bytes_of(std::span<const FilePiece> pieces);

} // namespace vireo::load
