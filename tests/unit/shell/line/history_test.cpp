// SPDX-License-Identifier: Apache-2.0
#include "shell/line/history.h"

#include <gtest/gtest.h>
#include <string>

namespace vireo::shell {
namespace {

class HistoryTest : public testing::Test {
  protected:
    usize lines() const {
        usize count = 0;
        while (history.line(count + 1))
            ++count;
        return count;
    }
    std::unique_ptr<History> made = std::make_unique<History>(); // on the heap: too large for a stack
    History& history = *made;
    HistorySearch search{history};
};

TEST_F(HistoryTest, keeps_no_empty_lines_and_none_twice_in_a_row) {
    for (std::string_view line : {"", "a", "", "a", "a", "b", "a"})
        history.add(line);
    EXPECT_EQ(lines(), 3u);
    EXPECT_EQ(history.line(1), "a");
    EXPECT_EQ(history.line(2), "b");
    EXPECT_EQ(history.line(3), "a");
    EXPECT_FALSE(history.line(0));
}

TEST_F(HistoryTest, whole_lines_make_room_for_new_ones) {
    for (int i = 0; i < 100; ++i)
        history.add(std::string(999, static_cast<char>('A' + i % 50)));
    EXPECT_EQ(lines(), History::max_bytes / 1000);
    for (usize age = 1; age <= lines(); ++age)
        EXPECT_EQ(history.line(age)->size(), 999u) << age;
    history.add(std::string(450, 'z')); // a little more than there was room for
    EXPECT_EQ(lines(), History::max_bytes / 1000);
    history.add(std::string(History::max_bytes - 1, 'x')); // all there is
    EXPECT_EQ(lines(), 1u);
    history.add(std::string(History::max_bytes, 'y')); // and more
    EXPECT_EQ(history.line(1)->front(), 'x');
}

TEST_F(HistoryTest, a_search_stays_where_it_is_while_that_still_fits) {
    for (std::string_view line : {"echo one", "true", "echo two"})
        history.add(line);
    search.begin();
    EXPECT_TRUE(search.extend("e"));
    EXPECT_TRUE(search.extend("c"));
    EXPECT_EQ(search.age(), 1u);
    EXPECT_TRUE(search.extend("ho o"));
    EXPECT_EQ(search.found(), "echo one");
    EXPECT_FALSE(search.extend("x"));
    EXPECT_EQ(search.found(), "echo one");
}

TEST_F(HistoryTest, the_next_older_one_differs_and_without_one_the_search_stays) {
    for (std::string_view line : {"echo other", "true", "echo same", "false", "echo same"})
        history.add(line);
    search.begin();
    EXPECT_TRUE(search.extend("echo"));
    EXPECT_TRUE(search.older());
    EXPECT_EQ(search.found(), "echo other");
    EXPECT_FALSE(search.older());
    EXPECT_EQ(search.age(), 5u);
    EXPECT_EQ(search.found(), "echo other");
    search.begin();
    EXPECT_TRUE(search.extend("same"));
    EXPECT_FALSE(search.older());
    EXPECT_EQ(search.age(), 1u);
}

TEST_F(HistoryTest, a_pattern_is_shortened_by_characters) {
    history.add("echo \xe4\xb8\x96");
    search.begin();
    EXPECT_TRUE(search.extend("o \xe4\xb8\x96"));
    search.shorten();
    EXPECT_EQ(search.pattern(), "o ");
    EXPECT_EQ(search.age(), 1u);
    search.shorten();
    search.shorten();
    search.shorten();
    EXPECT_EQ(search.pattern(), "");
    EXPECT_EQ(search.age(), 0u);
    EXPECT_FALSE(search.extend(std::string(65, 'o')));
}

} // namespace
} // namespace vireo::shell
