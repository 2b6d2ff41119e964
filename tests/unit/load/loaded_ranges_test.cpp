// SPDX-License-Identifier: Apache-2.0
#include "load/loaded_ranges.h"

#include <gtest/gtest.h>

namespace vireo::test {
namespace {

TEST(LoadedRanges, an_address_where_a_file_begins_has_its_length) {
    load::LoadedRanges loaded;
    loaded.remember({0x1000, 0x200}, false);
    loaded.remember({0x1200, 0x100}, false);
    EXPECT_EQ(loaded.bytes_at(0x1000), 0x200u);
    EXPECT_EQ(loaded.bytes_at(0x1200), 0x100u);
    EXPECT_EQ(loaded.bytes_at(0x1001), std::nullopt);
}

TEST(LoadedRanges, what_is_written_over_is_forgotten) {
    load::LoadedRanges loaded;
    loaded.remember({0x1000, 0x200}, false);
    loaded.remember({0x1200, 0x200}, false);
    loaded.remember({0x11ff, 1}, false);
    EXPECT_EQ(loaded.bytes_at(0x1000), std::nullopt);
    EXPECT_EQ(loaded.bytes_at(0x1200), 0x200u);
    loaded.remember({0x1200, 0}, false); // an empty file
    EXPECT_EQ(loaded.bytes_at(0x1200), 0u);
}

TEST(LoadedRanges, parts_of_a_file_one_behind_the_other_are_one) {
    load::LoadedRanges loaded;
    loaded.remember({0x1000, 0x200}, false);
    loaded.remember({0x1200, 0x200}, true);
    EXPECT_EQ(loaded.bytes_at(0x1000), 0x400u);
    loaded.remember({0x1500, 0x200}, true); // apart
    EXPECT_EQ(loaded.bytes_at(0x1000), 0x400u);
    EXPECT_EQ(loaded.bytes_at(0x1500), 0x200u);
}

TEST(LoadedRanges, the_last_eight_are_known) {
    load::LoadedRanges loaded;
    for (u64 i = 1; i <= 9; ++i)
        loaded.remember({i << 12, i}, false);
    EXPECT_EQ(loaded.bytes_at(1 << 12), std::nullopt);
    EXPECT_EQ(loaded.bytes_at(2 << 12), 2u);
    EXPECT_EQ(loaded.bytes_at(9 << 12), 9u);
}

} // namespace
} // namespace vireo::test
