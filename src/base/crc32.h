// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// CRC-32 as in IEEE 802.3, GPT and zlib (polynomial 0x04c11db7 reflected, start and final xor all ones).
// Pass the result of one call as `previous` of the next to continue.
u32 crc32(Bytes data, u32 previous = 0);

// CRC-32C (Castagnoli), as ext4's metadata checksums use it: no final xor, the caller gives the seed.
u32 crc32c(Bytes data, u32 seed);

// CRC-16 (polynomial 0x8005 reflected), as ext4's older group checksums use it: no final xor, the
// caller gives the seed.
u16 crc16(Bytes data, u16 seed);

} // namespace vireo
