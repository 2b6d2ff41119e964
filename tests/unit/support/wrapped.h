// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/crc32.h"
#include "base/endian.h"

#include <string_view>
#include <vector>

namespace vireo::test {

using Octets = std::vector<std::byte>;

template <typename T> void append(Octets& all, const T& value) {
    Bytes bytes = std::as_bytes(std::span(&value, 1));
    all.insert(all.end(), bytes.begin(), bytes.end());
}

// A gzip file in which nothing is made smaller (RFC 1951, 3.2.4). `trailing`: zeros that it holds behind.
inline Octets in_gzip(const Octets& inner, usize trailing = 0) {
    Octets data = inner;
    data.resize(inner.size() + trailing);
    Octets all;
    append(all, Be<u64>(0x1f8b080000000000));
    append(all, Be<u16>(0x0003));
    constexpr usize most = 0xffff;
    for (usize at = 0; at < data.size() || at == 0; at += most) {
        usize bytes = std::min(most, data.size() - at);
        append(all, static_cast<u8>(at + bytes == data.size()));
        append(all, Le<u16>(static_cast<u16>(bytes)));
        append(all, Le<u16>(static_cast<u16>(~bytes)));
        all.insert(all.end(), data.begin() + static_cast<std::ptrdiff_t>(at),
                   data.begin() + static_cast<std::ptrdiff_t>(at + bytes));
    }
    append(all, Le<u32>(crc32(data)));
    append(all, Le<u32>(static_cast<u32>(data.size())));
    return all;
}

// A zstd file of raw blocks, without a checksum (RFC 8878, 3.1.1).
inline Octets in_zstd(const Octets& inner) {
    Octets all;
    append(all, Be<u32>(0x28b52ffd));
    append(all, u8{0x80}); // a size of 4 bytes, a window
    append(all, u8{(27 - 10) << 3});
    append(all, Le<u32>(static_cast<u32>(inner.size())));
    constexpr usize most = 128 << 10;
    for (usize at = 0; at < inner.size(); at += most) {
        usize bytes = std::min(most, inner.size() - at);
        u32 header = static_cast<u32>(bytes) << 3 | (at + bytes == inner.size() ? 1 : 0);
        append(all, Le<u16>(static_cast<u16>(header)));
        append(all, static_cast<u8>(header >> 16));
        all.insert(all.end(), inner.begin() + static_cast<std::ptrdiff_t>(at),
                   inner.begin() + static_cast<std::ptrdiff_t>(at + bytes));
    }
    return all;
}

// An EFI program of Linux's kind "zboot", of which only the header is right.
inline Octets in_zboot(const Octets& inner, u32 offset = 4096) {
    Octets all;
    append(all, Be<u64>(0x4d5a00007a696d67));
    append(all, Le<u32>(offset));
    append(all, Le<u32>(static_cast<u32>(inner.size())));
    all.resize(std::max<usize>(offset, 56));
    all.insert(all.end(), inner.begin(), inner.end());
    return all;
}

// A uImage, with the numbers of U-Boot's format.
struct Wrapped {
    u8 os = 5;            // Linux
    u8 architecture = 22; // AArch64
    u8 type = 2;          // a kernel
    u8 compression = 0;
    std::string_view name = "a test";

    Octets around(const Octets& data) const {
        Octets all;
        append(all, Be<u32>(0x27051956));
        append(all, Be<u32>(0));
        append(all, Be<u32>(1'700'000'000));
        append(all, Be<u32>(static_cast<u32>(data.size())));
        append(all, Be<u32>(0x40080000));
        append(all, Be<u32>(0x40080004));
        append(all, Be<u32>(crc32(data)));
        for (u8 byte : {os, architecture, type, compression})
            append(all, byte);
        for (char character : name)
            append(all, character);
        all.resize(64);
        Be<u32> sum(crc32(all));
        std::memcpy(&all[4], &sum, sizeof(sum));
        all.insert(all.end(), data.begin(), data.end());
        return all;
    }

    // Of several files.
    Octets around_all(const std::vector<Octets>& files) const {
        Octets data;
        for (const Octets& file : files)
            append(data, Be<u32>(static_cast<u32>(file.size())));
        append(data, Be<u32>(0));
        for (const Octets& file : files) {
            data.resize((data.size() + 3) & ~usize{3});
            data.insert(data.end(), file.begin(), file.end());
        }
        Wrapped multi = *this;
        multi.type = 4;
        return multi.around(data);
    }
};

} // namespace vireo::test
