// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/load.h"

namespace vireo::load {

// What has been loaded once a stream has ended well: `came` bytes of the file, from its beginning, of
// `total` if that was said. A stream ends early where there is enough, so what is missing of a part or a
// piece the file does not have.
[[nodiscard]] Outcome<Loaded> part_of_stream(const Part& part, u64 came, std::optional<u64> total);
[[nodiscard]] Outcome<Loaded> pieces_of_stream(std::span<const FilePiece> pieces, u64 came,
                                               std::optional<u64> total);

} // namespace vireo::load
