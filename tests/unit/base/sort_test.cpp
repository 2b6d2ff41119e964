// SPDX-License-Identifier: Apache-2.0
#include "base/sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace vireo {
namespace {

TEST(SortFew, as_the_library_does_at_every_length) {
    std::mt19937 random(1);
    for (usize length = 0; length < 200; ++length) {
        std::vector<u32> items(length);
        for (u32& item : items)
            item = random() % 64; // many are equal
        std::vector<u32> expected = items;
        std::ranges::sort(expected);
        sort_few(std::span(items), [](u32 a, u32 b) { return a < b; });
        EXPECT_EQ(items, expected) << length;
    }
}

TEST(SortFew, by_any_order_and_from_any_order) {
    std::vector<u16> ascending(2000);
    for (usize i = 0; i < ascending.size(); ++i)
        ascending[i] = static_cast<u16>(i);
    std::vector<u16> items = ascending;
    usize comparisons = 0;
    auto more = [&](u16 a, u16 b) {
        ++comparisons;
        return a > b;
    };
    sort_few(std::span(items), more);
    EXPECT_TRUE(std::ranges::is_sorted(items, std::greater()));
    sort_few(std::span(items), more); // sorted already
    sort_few(std::span(items), [](u16 a, u16 b) { return a < b; });
    EXPECT_EQ(items, ascending);
    EXPECT_LT(comparisons, 2 * 90'000u); // 2000^1.5
}

} // namespace
} // namespace vireo
