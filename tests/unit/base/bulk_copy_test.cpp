// SPDX-License-Identifier: Apache-2.0
#include "base/bulk_copy.h"

#include <gtest/gtest.h>
#include <vector>

namespace vireo {
namespace {

TEST(BulkCopy, copies_all_and_no_more_at_any_alignment) {
    std::vector<std::byte> source(400);
    for (usize i = 0; i < source.size(); ++i)
        source[i] = static_cast<std::byte>(i * 7 + 3);
    for (usize to = 0; to < 9; ++to)
        for (usize from = 0; from < 9; ++from)
            for (usize bytes :
                 {usize{0}, usize{1}, usize{63}, usize{64}, usize{65}, usize{128}, usize{300}}) {
                std::vector<std::byte> target(400), expected(400);
                std::copy_n(source.begin() + static_cast<std::ptrdiff_t>(from), bytes,
                            expected.begin() + static_cast<std::ptrdiff_t>(to));
                bulk_copy(target.data() + to, std::span(source).subspan(from, bytes));
                ASSERT_EQ(target, expected) << to << ' ' << from << ' ' << bytes;
            }
}

} // namespace
} // namespace vireo
