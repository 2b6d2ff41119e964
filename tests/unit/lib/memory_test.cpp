// SPDX-License-Identifier: Apache-2.0
// lib/libc's memory and string functions, compiled here under other names and compared with the system's.
#include <gtest/gtest.h>

#include <climits>
#include <cstring>
#include <string>
#include <vector>

#define VIREO_LIBC_NAME(name) vireo_libc_##name
#define VIREO_LIBC_ANY_ALIGNMENT 0 // as on the boards that want it
#include "lib/libc/memory.cpp"
#include "lib/libc/string.cpp"

namespace {

constexpr size_t longest = 200; // past two unrolled blocks on either side of every alignment
constexpr size_t margin = 32;

std::vector<unsigned char> pattern(size_t bytes) {
    std::vector<unsigned char> result(bytes);
    for (size_t i = 0; i < bytes; ++i) {
        result[i] = static_cast<unsigned char>(i * 7 + 3);
    }
    return result;
}

int sign(int value) { return (value > 0) - (value < 0); }

TEST(Memory, copy_serves_every_alignment_and_length) {
    const auto source = pattern(longest + 2 * margin);
    for (size_t to = 0; to < 2 * sizeof(long); ++to) {
        for (size_t from = 0; from < 2 * sizeof(long); ++from) {
            for (size_t bytes = 0; bytes <= longest; ++bytes) {
                std::vector<unsigned char> target(longest + 2 * margin, 0xee);
                auto expected = target;
                std::memcpy(expected.data() + to, source.data() + from, bytes);
                EXPECT_EQ(vireo_libc_memcpy(target.data() + to, source.data() + from, bytes),
                          target.data() + to);
                ASSERT_EQ(target, expected) << to << ' ' << from << ' ' << bytes;
            }
        }
    }
}

TEST(Memory, move_serves_every_overlap) {
    const auto fresh = pattern(longest + 2 * margin);
    for (size_t to = 0; to < margin; ++to) {
        for (size_t from = 0; from < margin; ++from) {
            for (size_t bytes : {size_t{0}, size_t{1}, size_t{15}, size_t{16}, size_t{17}, size_t{63},
                                 size_t{64}, size_t{100}, longest}) {
                auto target = fresh;
                auto expected = fresh;
                std::memmove(expected.data() + to, expected.data() + from, bytes);
                vireo_libc_memmove(target.data() + to, target.data() + from, bytes);
                ASSERT_EQ(target, expected) << to << ' ' << from << ' ' << bytes;
            }
        }
    }
}

TEST(Memory, set_touches_its_range_and_no_more) {
    for (size_t to = 0; to < 2 * sizeof(long); ++to) {
        for (size_t bytes = 0; bytes <= longest; ++bytes) {
            std::vector<unsigned char> target(longest + 2 * margin, 0xee);
            auto expected = target;
            std::memset(expected.data() + to, 0xa5, bytes);
            vireo_libc_memset(target.data() + to, 0x7fa5, bytes);
            ASSERT_EQ(target, expected) << to << ' ' << bytes;
        }
    }
}

TEST(Memory, compare_finds_the_first_difference) {
    const auto left = pattern(longest + margin);
    for (size_t offset = 0; offset < sizeof(long); ++offset) {
        for (size_t at = 0; at < longest; ++at) {
            auto right = left;
            EXPECT_EQ(vireo_libc_memcmp(left.data() + offset, right.data() + offset, longest), 0);
            right[offset + at] ^= 0x80;
            ASSERT_EQ(sign(vireo_libc_memcmp(left.data() + offset, right.data() + offset, longest)),
                      sign(std::memcmp(left.data() + offset, right.data() + offset, longest)));
            EXPECT_EQ(vireo_libc_memcmp(left.data() + offset, right.data() + offset, at), 0);
        }
    }
}

TEST(Memory, find_byte) {
    const char text[] = "abcabc";
    EXPECT_EQ(vireo_libc_memchr(text, 'c', 6), text + 2);
    EXPECT_EQ(vireo_libc_memchr(text, 'c', 2), nullptr);
    EXPECT_EQ(vireo_libc_memchr(text, 0, sizeof(text)), text + 6);
}

TEST(String, lengths) {
    EXPECT_EQ(vireo_libc_strlen(""), 0u);
    EXPECT_EQ(vireo_libc_strlen("abc"), 3u);
    EXPECT_EQ(vireo_libc_strnlen("abc", 2), 2u);
    EXPECT_EQ(vireo_libc_strnlen("abc", 9), 3u);
}

TEST(String, compares_as_unsigned_bytes) {
    EXPECT_EQ(vireo_libc_strcmp("abc", "abc"), 0);
    EXPECT_LT(vireo_libc_strcmp("abc", "abd"), 0);
    EXPECT_GT(vireo_libc_strcmp("abc", "ab"), 0);
    EXPECT_GT(vireo_libc_strcmp("\xff", "a"), 0);
    EXPECT_EQ(vireo_libc_strncmp("abc", "abd", 2), 0);
}

TEST(String, find_character) {
    const char text[] = "/soc/uart";
    EXPECT_EQ(vireo_libc_strchr(text, '/'), text);
    EXPECT_EQ(vireo_libc_strrchr(text, '/'), text + 4);
    EXPECT_EQ(vireo_libc_strchr(text, 0), text + 9);
    EXPECT_EQ(vireo_libc_strrchr(text, 'x'), nullptr);
}

TEST(String, strtoul_agrees_with_the_system) {
    for (const char* text :
         {"0", "17", "0x1f", "0X", "0x", "0xg", "077", "08", " \t42z", "-1", "+5", "", "x",
          "18446744073709551615", "18446744073709551616", "99999999999999999999999", "zz"}) {
        for (int base : {0, 2, 8, 10, 16, 36}) {
            char* expected_end = nullptr;
            char* end = nullptr;
            const unsigned long expected = std::strtoul(text, &expected_end, base);
            EXPECT_EQ(vireo_libc_strtoul(text, &end, base), expected) << text << " base " << base;
            EXPECT_EQ(end, expected_end) << text << " base " << base;
        }
    }
}

} // namespace
