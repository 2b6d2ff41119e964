// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// An integer as it lies in memory in a given byte order. It converts on access only, so that a wire struct
// can be laid over bytes without a parse step, and no value can be used in the wrong byte order by accident.
// Alignment is 1: wire structs need no packing attribute and may lie at any address.
template <std::unsigned_integral T, std::endian Order> class Endian {
  public:
    constexpr Endian() = default;
    constexpr Endian(T value) { set(value); }

    constexpr T get() const {
        T value = 0;
        for (usize i = 0; i < sizeof(T); ++i)
            value |= static_cast<T>(static_cast<T>(bytes_[index(i)]) << (8 * i));
        return value;
    }
    constexpr void set(T value) {
        for (usize i = 0; i < sizeof(T); ++i)
            bytes_[index(i)] = static_cast<u8>(value >> (8 * i));
    }
    constexpr operator T() const { return get(); }
    constexpr Endian& operator=(T value) {
        set(value);
        return *this;
    }

  private:
    // Where the byte of significance `i` lies.
    static constexpr usize index(usize i) { return Order == std::endian::little ? i : sizeof(T) - 1 - i; }
    u8 bytes_[sizeof(T)] = {};
};

template <typename T> using Le = Endian<T, std::endian::little>;
template <typename T> using Be = Endian<T, std::endian::big>;

static_assert(sizeof(Le<u64>) == 8 && alignof(Le<u64>) == 1);
static_assert(Le<u32>(0x11223344).get() == 0x11223344 && Be<u16>(0x1234).get() == 0x1234);

// Copies a wire struct out of raw bytes at `offset`. The struct is a private copy: what the other side
// changes later has no effect. Empty if the bytes do not reach that far.
template <typename T>
    requires std::is_trivially_copyable_v<T>
constexpr std::optional<T> read_struct(Bytes bytes, usize offset = 0) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
        return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

} // namespace vireo
