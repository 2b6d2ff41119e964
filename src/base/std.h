// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one gate to the C++ standard library. Nothing else in src/ includes a standard header, so that what the
// firmware may use is decided in one place: parts of libc++ that are pure headers, need no floating point, no
// locale and no allocation behind our back, and compile quickly (see docs/decisions).

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace vireo {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
using usize = std::size_t;
using uptr = std::uintptr_t;

// Raw memory that has no more meaning than its bytes.
using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

} // namespace vireo
