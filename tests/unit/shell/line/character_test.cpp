// SPDX-License-Identifier: Apache-2.0
// What may go to a terminal, and what takes how much room there.
#include "shell/arguments.h"
#include "shell/line/character.h"

#include <gtest/gtest.h>
#include <string>

namespace vireo::test {
namespace {

std::string printed(std::string_view text) {
    StringBuffer<256> out;
    shell::print_untrusted(out, text);
    return std::string(out.view());
}

TEST(Untrusted, control_characters_of_seven_and_of_eight_bits_become_question_marks) {
    EXPECT_EQ(printed("a\x1b[2Jb\x07\x7f\n"), "a?[2Jb???");
    // CSI, as UTF-8 and as a single byte; many terminals obey both.
    EXPECT_EQ(printed("a\xc2\x9b\x32Jb"), "a?2Jb");
    EXPECT_EQ(printed("a\x9b\x32Jb\x80\x9f"), "a?2Jb??");
    // As the end of a character that is none: too long a form of Escape and of CSI, half of a
    // pair, beyond the last one.
    EXPECT_EQ(printed("\xc0\x9b[2J"), "\xc0?[2J");
    EXPECT_EQ(printed("\xe0\x80\x9b[2J"), "\xe0??[2J");
    EXPECT_EQ(printed("\xf0\x80\x82\x9b[2J"), "\xf0???[2J");
    EXPECT_EQ(printed("\xed\xa0\x80"), "\xed\xa0?");
    EXPECT_EQ(printed("\xf4\x90\x80\x80"), "\xf4???");
    EXPECT_EQ(printed("\xe4\x9b"), "\xe4?");
}

TEST(Untrusted, all_else_stays_as_it_is) {
    for (std::string_view text : {"", "vmlinuz-6.1", "gr\xc3\xbc\xc3\x9f\x65", "\xe4\xb8\x96\xe7\x95\x8c",
                                  "\xf0\x9f\x98\x80", "\xc2\xa0", "gr\xfc\xdf\x65", "\xc5\x9b\xc6\x80"})
        EXPECT_EQ(printed(text), text);
}

TEST(Character, what_is_no_character_is_single_bytes) {
    for (std::string_view text :
         {"\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xc0\xaf"})
        EXPECT_EQ(shell::first_character(text).bytes, 1);
    for (std::string_view text :
         {"\xe0\xa0\x80", "\xf0\x90\x80\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"})
        EXPECT_EQ(shell::first_character(text).bytes, text.size());
}

} // namespace
} // namespace vireo::test
