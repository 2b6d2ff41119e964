// SPDX-License-Identifier: Apache-2.0
#include "base/endian.h"
#include "base/math.h"
#include "unpack/unpacker.h"

namespace vireo::unpack {

namespace {

template <typename T> std::optional<u64> read(Bytes file, usize offset) {
    auto value = read_struct<Le<T>>(file, offset);
    return value ? std::optional<u64>(value->get()) : std::nullopt;
}

// RFC 1952, 2.3.1: modulo 2^32, of the last member.
std::optional<u64> gzip(Bytes file) {
    constexpr usize shortest = 18;
    return file.size() >= shortest ? read<u32>(file, file.size() - sizeof(u32)) : std::nullopt;
}

// LZ4 frame format, "Frame Descriptor".
std::optional<u64> lz4(Bytes file) {
    auto flags = read<u8>(file, 4);
    return flags && (*flags & 0x08) ? read<u64>(file, 6) : std::nullopt;
}

// RFC 8878, 3.1.1.1.
std::optional<u64> zstd(Bytes file) {
    auto descriptor = read<u8>(file, 4);
    if (!descriptor)
        return std::nullopt;
    bool is_single_segment = *descriptor & 0x20;
    constexpr u8 dictionary_bytes[] = {0, 1, 2, 4};
    usize at = 5 + (is_single_segment ? 0 : 1) + dictionary_bytes[*descriptor & 3];
    switch (*descriptor >> 6) {
    case 0:
        return is_single_segment ? read<u8>(file, at) : std::nullopt;
    case 1: {
        auto bytes = read<u16>(file, at);
        return bytes ? std::optional(*bytes + 256) : std::nullopt;
    }
    case 2:
        return read<u32>(file, at);
    default:
        return read<u64>(file, at);
    }
}

// xz's number of variable length, taken from the front of `bytes` (.xz file format, 1.2).
std::optional<u64> take_number(Bytes& bytes) {
    u64 value = 0;
    for (unsigned shift = 0; shift < 63 && !bytes.empty(); shift += 7) {
        u8 byte = static_cast<u8>(bytes.front());
        bytes = bytes.subspan(1);
        value |= u64{byte & 0x7fu} << shift;
        if (!(byte & 0x80))
            return value;
    }
    return std::nullopt;
}

// The index of the last stream (.xz file format, 2.1.2 and 4).
std::optional<u64> xz(Bytes file) {
    constexpr usize footer_bytes = 12;
    while (!file.empty() && file.back() == std::byte{0})
        file = file.first(file.size() - 1);
    if (file.size() < footer_bytes || file.back() != std::byte{'Z'})
        return std::nullopt;
    u64 index_bytes = (*read<u32>(file, file.size() - 8) + 1) * 4;
    if (index_bytes > file.size() - footer_bytes)
        return std::nullopt;
    Bytes index = file.subspan(file.size() - footer_bytes - static_cast<usize>(index_bytes),
                               static_cast<usize>(index_bytes));
    if (index.front() != std::byte{0})
        return std::nullopt;
    index = index.subspan(1);
    auto blocks = take_number(index);
    if (!blocks)
        return std::nullopt;
    u64 total = 0;
    for (u64 block = 0; block < *blocks; ++block) { // ends with the index at the latest
        auto packed = take_number(index);
        auto unpacked = take_number(index);
        auto sum = checked_add(total, unpacked.value_or(0));
        if (!packed || !unpacked || !sum)
            return std::nullopt;
        total = *sum;
    }
    return total;
}

// Behind properties and dictionary size; all ones: not known.
std::optional<u64> lzma(Bytes file) {
    auto bytes = read<u64>(file, 5);
    return bytes == ~u64{0} ? std::nullopt : bytes;
}

} // namespace

std::optional<u64> declared_bytes(Format format, Bytes file) {
    switch (format) {
    case Format::Gzip:
        return gzip(file);
    case Format::Xz:
        return xz(file);
    case Format::Lzma:
        return lzma(file);
    case Format::Lz4:
        return lz4(file);
    case Format::Zstd:
        return zstd(file);
    case Format::Bzip2:
    case Format::Lz4Legacy:
        break;
    }
    return std::nullopt;
}

} // namespace vireo::unpack
