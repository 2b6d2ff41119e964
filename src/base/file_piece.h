// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// A part of a file and where it goes: bytes [offset, offset + memory.size()) of the file. Parts of one file
// may overlap in the file, never in memory.
struct FilePiece {
    u64 offset;
    MutableBytes memory;
};

} // namespace vireo
