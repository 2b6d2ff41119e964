// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/file_piece.h"
#include "load/failure.h"

namespace vireo::load {

// As many segments as a program has, and more.
constexpr usize max_pieces = 64;

// That there are some, no more than max_pieces, and no two share memory: BadPieces.
[[nodiscard]] Outcome<void> check_pieces(std::span<const FilePiece> pieces);
// That all of them end inside a file of so many bytes: BeyondFile, with the first that does not.
[[nodiscard]] Outcome<void> check_inside(std::span<const FilePiece> pieces, u64 file_bytes);
u64 bytes_of(std::span<const FilePiece> pieces);

} // namespace vireo::load
