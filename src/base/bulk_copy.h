// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// As memcpy, for much data at any address, once the machine is started: with the MMU on, arm64 may load from
// any address, and copies 64 bytes in eight instructions; memcpy, which is called before that as well, shifts
// words together. (arm has no such instructions, riscv may not, and x86's memcpy does it anyway.)
inline void bulk_copy(std::byte* to, Bytes from) {
    const std::byte* source = from.data();
    usize left = from.size();
#ifdef __aarch64__
    struct Block {
        u64 words[8];
    };
    auto copy_block = [](std::byte* target, const std::byte* start) {
        Block block;
        __builtin_memcpy(&block, start, sizeof(Block));
        __builtin_memcpy(target, &block, sizeof(Block));
    };
    for (; left >= sizeof(Block); left -= sizeof(Block), to += sizeof(Block), source += sizeof(Block))
        copy_block(to, source);
    // The rest as the end of a block, of which the beginning has been copied already.
    if (left > 0 && from.size() >= sizeof(Block)) {
        usize again = sizeof(Block) - left;
        return copy_block(to - again, source - again);
    }
#endif
    std::memcpy(to, source, left);
}

} // namespace vireo
