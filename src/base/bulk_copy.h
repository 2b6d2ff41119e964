// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// As memcpy, for much data at any address, once the machine is started: with the MMU on, arm64 may load from any
// address, and copies 64 bytes in eight instructions; memcpy, which is called before that as well, shifts words
// together. (arm has no such instructions, riscv may not, and x86's memcpy does it anyway.)
inline void bulk_copy(std::byte* to, Bytes from) {
    const std::byte* source = from.data();
    usize left = from.size();
#ifdef __aarch64__
    struct Block {
        u64 words[8];
    };
    for (; left >= sizeof(Block); left -= sizeof(Block), to += sizeof(Block), source += sizeof(Block)) {
        Block block;
        __builtin_memcpy(&block, source, sizeof(Block));
        __builtin_memcpy(to, &block, sizeof(Block));
    }
#endif
    std::memcpy(to, source, left);
}

} // namespace vireo
