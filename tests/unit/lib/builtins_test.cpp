// SPDX-License-Identifier: Apache-2.0
// lib/builtins, compiled here under other names and compared with the host's own 64-bit arithmetic.
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>

#define VIREO_BUILTIN_NAME(name) vireo_builtin##name
#include "lib/builtins/builtins.cpp"

namespace {

// Numbers of every length, and those where a digit's estimate is too large: around powers of
// two and half words.
uint64_t interesting(std::mt19937_64& random) {
    const uint64_t value = random() >> (random() % 64);
    switch (random() % 4) {
    case 0:
        return value;
    case 1:
        return uint64_t{1} << (random() % 64);
    case 2:
        return (uint64_t{1} << (random() % 64)) - 1;
    default:
        return value | 0xffff0000ffff0000u;
    }
}

TEST(Builtins, divide_agrees_with_the_host) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 500'000; ++i) {
        const uint64_t n = interesting(random);
        const uint64_t d = interesting(random);
        if (d == 0) {
            continue;
        }
        ASSERT_EQ(vireo_builtin__udivdi3(n, d), n / d) << n << ' ' << d;
        ASSERT_EQ(vireo_builtin__umoddi3(n, d), n % d) << n << ' ' << d;
        uint64_t remainder = 0;
        ASSERT_EQ(vireo_builtin__udivmoddi4(n, d, &remainder), n / d);
        ASSERT_EQ(remainder, n % d);
    }
}

TEST(Builtins, signed_divide_truncates_towards_zero) {
    std::mt19937_64 random(2);
    for (int i = 0; i < 500'000; ++i) {
        const auto n = static_cast<int64_t>(interesting(random));
        const auto d = static_cast<int64_t>(interesting(random));
        if (d == 0 || (n == std::numeric_limits<int64_t>::min() && d == -1)) {
            continue;
        }
        ASSERT_EQ(vireo_builtin__divdi3(n, d), n / d) << n << ' ' << d;
        ASSERT_EQ(vireo_builtin__moddi3(n, d), n % d) << n << ' ' << d;
    }
}

TEST(Builtins, shifts_and_product_agree_with_the_host) {
    std::mt19937_64 random(3);
    for (int i = 0; i < 100'000; ++i) {
        const uint64_t value = interesting(random);
        const auto other = interesting(random);
        for (int count : {0, 1, 31, 32, 33, 63}) {
            ASSERT_EQ(vireo_builtin__ashldi3(value, count), value << count);
            ASSERT_EQ(vireo_builtin__lshrdi3(value, count), value >> count);
            ASSERT_EQ(vireo_builtin__ashrdi3(static_cast<int64_t>(value), count),
                      static_cast<int64_t>(value) >> count);
        }
        ASSERT_EQ(static_cast<uint64_t>(
                      vireo_builtin__muldi3(static_cast<int64_t>(value), static_cast<int64_t>(other))),
                  value * other);
    }
}

} // namespace
