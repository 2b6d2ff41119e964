// SPDX-License-Identifier: Apache-2.0
#include "base/regex.h"

#include <gtest/gtest.h>
#include <string>

namespace vireo::test {
namespace {

// "MATCH|GROUP 1|..." of the first match, '-' for a group without a place; "no" if there is none, or why
// the pattern is wrong.
std::string find(std::string_view pattern, std::string_view text, usize start = 0) {
    auto regex = Regex::compile(pattern);
    if (!regex)
        return regex.error().what;
    Regex::Groups groups;
    if (!(*regex)->search(text, start, groups))
        return "no";
    std::string result(*groups[0]);
    for (usize i = 1; i <= (*regex)->group_count(); ++i)
        result += "|" + (groups[i] ? std::string(*groups[i]) : "-");
    return result;
}

TEST(Regex, what_it_knows) {
    for (auto [pattern, text, match] : {std::tuple{"an", "banana", "an"},
                                        {"", "abc", ""},
                                        {"b.n", "banana", "ban"},
                                        {"[bn]a", "xna", "na"},
                                        {"[^bn]+", "banxyz", "a"},
                                        {"[a-c0-9]+", "xx19cabd", "19cab"},
                                        {"[]x]+", "a]x]", "]x]"},
                                        {"[^]]+", "]ab]", "ab"},
                                        {"[-a]+", "b-a-", "-a-"},
                                        {"[a-]+", "b-a-", "-a-"},
                                        {"[--C]+", "x-AC.D", "-AC."},
                                        {"[\\]\\\\]+", "a]\\b", "]\\"},
                                        {"^b", "ab", "no"},
                                        {"^a", "ab", "a"},
                                        {"a$", "ab", "no"},
                                        {"b$", "ab", "b"},
                                        {"^$", "", ""},
                                        {"x*", "aaa", ""},
                                        {"a*", "aab", "aa"},
                                        {"a+b", "caab", "aab"},
                                        {"colou?r", "color", "color"},
                                        {"a|b", "cb", "b"},
                                        {"a|ab", "ab", "a"}, // the first one that leads to a match
                                        {"^a|b", "xby", "b"},
                                        {"c$|b|x", "b", "b"},
                                        {"a|", "b", ""},
                                        {"\\.", "a.b", "."},
                                        {"\\d+", "ab12c", "12"},
                                        {"\\D+", "12ab3", "ab"},
                                        {"[\\d.]+", "v1.2-3", "1.2"},
                                        {"\\s\\S", "a b", " b"},
                                        {"\\w+", "-a_1-", "a_1"},
                                        {"\\t", "a\tb", "\t"},
                                        {"a{2}", "aa", "no"}, // no counts: '{' is itself
                                        {"a{2}", "a{2}", "a{2}"},
                                        {"<.*>", "<a><b>", "<a><b>"},
                                        {"<.*?>", "<a><b>", "<a>"},
                                        {"a+?", "aaa", "a"},
                                        {"a??b", "ab", "ab"}})
        EXPECT_EQ(find(pattern, text), match) << pattern << " in " << text;
}

TEST(Regex, groups) {
    EXPECT_EQ(find("(a)(n)", "banana"), "an|a|n");
    EXPECT_EQ(find("(a|ab)(c|bcd)(d*)", "abcd"), "abcd|a|bcd|");
    EXPECT_EQ(find("((a)|b)+", "ab"), "ab|b|a");
    EXPECT_EQ(find("(a)|(b)", "b"), "b|-|b");
    EXPECT_EQ(find("(x(y)?)+", "xyx"), "xyx|x|y");
    EXPECT_EQ(find("(a*)*", "aab"), "aa|aa");
    EXPECT_EQ(find("(^|/)([^/]+)$", "/boot/Image"), "/Image|/|Image");
    // More than nine "(...)" group, and are not remembered.
    EXPECT_EQ(find("(1)(2)(3)(4)(5)(6)(7)(8)(9)(a)(b)+", "123456789abb"), "123456789abb|1|2|3|4|5|6|7|8|9");
}

TEST(Regex, a_search_from_the_middle_knows_the_start) {
    EXPECT_EQ(find("^a", "aaa", 1), "no");
    EXPECT_EQ(find("a", "aaa", 3), "no");
    EXPECT_EQ(find("a*$", "aaa", 2), "a");
}

TEST(Regex, wrong_patterns_say_what_is_wrong) {
    for (auto [pattern, why] : {std::pair{"(", "'(' without ')'"},
                                {"(a(b)", "'(' without ')'"},
                                {")", "')' without '('"},
                                {"a)", "')' without '('"},
                                {"[", "'[' without ']'"},
                                {"[]", "'[' without ']'"},
                                {"[^]", "'[' without ']'"},
                                {"[a\\", "'[' without ']'"},
                                {"[z-a]", "a range in a set that ends before it starts"},
                                {"[a-\\d]", "a range in a set that ends before it starts"},
                                {"[[:digit:]]", "\"[:\" in a set: classes are written \\d, \\s and \\w"},
                                {"*", "nothing to repeat before '*', '+' or '?'"},
                                {"a**", "nothing to repeat before '*', '+' or '?'"},
                                {"a|+", "nothing to repeat before '*', '+' or '?'"},
                                {"(*)", "nothing to repeat before '*', '+' or '?'"},
                                {"^*", "nothing to repeat before '*', '+' or '?'"},
                                {"a\\", "nothing behind the last backslash"},
                                {"(a)\\1", "a backslash before this letter or digit means nothing here"},
                                {"\\b", "a backslash before this letter or digit means nothing here"}})
        EXPECT_EQ(find(pattern, "x"), why) << pattern;
}

// The program of N characters has two saves and the end beside them.
TEST(Regex, patterns_are_bounded) {
    std::string most(512 - 3, 'a');
    EXPECT_EQ(find(most, most), most);
    EXPECT_EQ(find(most + "a", "x"), "a pattern of more than 512 steps");
    std::string sets;
    for (usize i = 0; i < 32; ++i)
        sets += "[ab]";
    EXPECT_EQ(find(sets, std::string(32, 'b')), std::string(32, 'b'));
    EXPECT_EQ(find(sets + "\\d", "x"), "a pattern with more than 32 sets");
    std::string open(16, '(');
    std::string close(16, ')');
    EXPECT_EQ(find(open + "a" + close, "a").substr(0, 4), "a|a|");
    EXPECT_EQ(find("(" + open + "a" + close + ")", "a"), "more than 16 '(' inside one another");
}

// What takes a matcher with backtracking for ever takes this one a few steps for each
// character and instruction.
TEST(Regex, steps_grow_with_the_text_and_no_faster) {
    std::string optional;
    for (int i = 0; i < 100; ++i)
        optional += "a?";
    for (std::string pattern :
         {std::string("(a*)*b"), std::string("(a+)+b"), std::string("(a|a)*b"), std::string("(a|aa)+$|b"),
          std::string("((a*)*)*b"), std::string("a*a*a*a*a*a*b"), std::string("(.*)(.*)(.*)(.*)(.*)b"),
          optional + std::string(100, 'a') + "b"}) {
        u64 steps[2];
        for (usize i = 0; i < 2; ++i) {
            usize length = i == 0 ? 1000 : 2000;
            auto regex = VIREO_MUST(Regex::compile(pattern));
            Regex::Groups groups;
            (void)regex->search(std::string(length, 'a') + "c", 0, groups);
            steps[i] = regex->steps();
            EXPECT_LT(steps[i], (length + 2) * 3 * (2 * pattern.size() + 16)) << pattern;
        }
        EXPECT_LT(steps[1], steps[0] * 21 / 10) << pattern;
    }
}

// Patterns at random: an answer, no crash.
TEST(Regex, any_pattern_ends) {
    constexpr std::string_view pieces[] = {"a", "b", ".", "(", ")",  "[", "]",  "^",    "$",
                                           "*", "+", "?", "|", "\\", "-", "ab", "[ab]", "\\d"};
    u32 seed = 7;
    for (int round = 0; round < 20000; ++round) {
        std::string pattern;
        for (u32 count = static_cast<u32>(round) % 12; count > 0; --count) {
            seed = seed * 1664525 + 1013904223;
            pattern += pieces[(seed >> 16) % std::size(pieces)];
        }
        (void)find(pattern, "abbab1a\xff");
    }
}

} // namespace
} // namespace vireo::test
