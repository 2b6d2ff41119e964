// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

namespace vireo {

// Arithmetic on numbers that come from outside: empty instead of a wrapped value.
template <std::unsigned_integral T> constexpr std::optional<T> checked_add(T a, T b) {
    T sum;
    if (__builtin_add_overflow(a, b, &sum))
        return std::nullopt;
    return sum;
}
template <std::unsigned_integral T> constexpr std::optional<T> checked_multiply(T a, T b) {
    T product;
    if (__builtin_mul_overflow(a, b, &product))
        return std::nullopt;
    return product;
}

// True if [offset, offset + length) lies inside [0, size), without overflow.
constexpr bool range_fits(u64 offset, u64 length, u64 size) {
    return offset <= size && length <= size - offset;
}

// True if [a, a + a_size) and [b, b + b_size) share an address. Neither may wrap.
constexpr bool ranges_overlap(u64 a, u64 a_size, u64 b, u64 b_size) {
    return a_size != 0 && b_size != 0 && a < b + b_size && b < a + a_size;
}

// Rounds to a multiple of `alignment`, a power of two. The caller knows that the result fits.
template <std::unsigned_integral T> constexpr T align_up(T value, std::type_identity_t<T> alignment) {
    return static_cast<T>((value + alignment - 1) & ~(alignment - 1));
}
template <std::unsigned_integral T> constexpr T align_down(T value, std::type_identity_t<T> alignment) {
    return static_cast<T>(value & ~(alignment - 1));
}
constexpr bool is_aligned(u64 value, u64 alignment) { return (value & (alignment - 1)) == 0; }

} // namespace vireo
