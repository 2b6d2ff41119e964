// SPDX-License-Identifier: Apache-2.0
#include "base/crc32.h"

namespace vireo {
namespace {

// Eight tables for "slicing by 8": table[k][b] is the CRC of byte b followed by k zero bytes, so that eight
// bytes take eight independent look-ups instead of eight dependent ones. Made at the first use: in the image
// they would take 16 KiB, and making them takes some 15,000 steps.
struct SlicingTables {
    u32 table[8][256];

    bool is_made() const { return table[0][1] != 0; }
    void make(u32 polynomial) {
        for (u32 byte = 0; byte < 256; ++byte) {
            u32 value = byte;
            for (int bit = 0; bit < 8; ++bit)
                value = (value >> 1) ^ ((value & 1) ? polynomial : 0);
            table[0][byte] = value;
        }
        for (u32 byte = 0; byte < 256; ++byte)
            for (int k = 1; k < 8; ++k)
                table[k][byte] = (table[k - 1][byte] >> 8) ^ table[0][table[k - 1][byte] & 0xff];
    }
};

u32 load_le32(const std::byte* at) {
    u32 value;
    std::memcpy(&value, at, sizeof(value));
    return value; // all of Vireo's machines are little-endian
}
static_assert(std::endian::native == std::endian::little);

// `gnu::hot`: in the page of the loops that run long (decision 0035).
[[gnu::hot, gnu::noinline]] u32 update(const SlicingTables& tables, Bytes data, u32 crc) {
    const auto& t = tables.table;
    const std::byte* at = data.data();
    usize left = data.size();
    auto step = [&] {
        crc = (crc >> 8) ^ t[0][(crc ^ static_cast<u32>(*at)) & 0xff];
        ++at;
        --left;
    };
    // Words are loaded at their own alignment: not every board may load them elsewhere.
    while (left > 0 && reinterpret_cast<uptr>(at) % 4 != 0)
        step();
    for (; left >= 8; left -= 8, at += 8) {
        u32 low = load_le32(std::assume_aligned<4>(at)) ^ crc;
        u32 high = load_le32(std::assume_aligned<4>(at + 4));
        crc = t[7][low & 0xff] ^ t[6][(low >> 8) & 0xff] ^ t[5][(low >> 16) & 0xff] ^ t[4][low >> 24] ^
              t[3][high & 0xff] ^ t[2][(high >> 8) & 0xff] ^ t[1][(high >> 16) & 0xff] ^ t[0][high >> 24];
    }
    while (left > 0)
        step();
    return crc;
}

constinit SlicingTables ieee_tables{};
constinit SlicingTables castagnoli_tables{};

const SlicingTables& made(SlicingTables& tables, u32 polynomial) {
    if (!tables.is_made())
        tables.make(polynomial);
    return tables;
}

} // namespace

u32 crc32(Bytes data, u32 previous) { return ~update(made(ieee_tables, 0xedb88320), data, ~previous); }

u32 crc32c(Bytes data, u32 seed) { return update(made(castagnoli_tables, 0x82f63b78), data, seed); }

u16 crc16(Bytes data, u16 seed) {
    u16 crc = seed;
    for (std::byte byte : data) {
        crc = static_cast<u16>(crc ^ static_cast<u8>(byte));
        for (int bit = 0; bit < 8; ++bit)
            crc = static_cast<u16>((crc >> 1) ^ ((crc & 1) ? 0xa001 : 0));
    }
    return crc;
}

} // namespace vireo
