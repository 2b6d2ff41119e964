// SPDX-License-Identifier: Apache-2.0
#include "net/protocol/file_target.h"

#include <gtest/gtest.h>
#include <string>

namespace vireo::net {
namespace {

constexpr std::string_view content = "0123456789";
constexpr u64 all = ~u64{0};

struct Memory {
    std::string text = std::string(16, '.');
    MutableBytes part(usize at, usize bytes) {
        return std::as_writable_bytes(std::span(text)).subspan(at, bytes);
    }
};

// As a stream brings it, in pieces of this length.
void stream(const FileTarget& target, usize length) {
    for (usize at = 0; at < content.size(); at += length)
        target.store(at, std::as_bytes(std::span(content.substr(at, length))));
}

TEST(FileTarget, a_whole_file_has_the_room_of_its_memory) {
    Memory memory;
    FileTarget target(memory.part(1, 10));
    EXPECT_EQ(target.room(), 10u);
    EXPECT_FALSE(target.is_enough(10)) << "its end is for the server to say";
    stream(target, 3);
    EXPECT_EQ(memory.text, ".0123456789.....");
}

TEST(FileTarget, pieces_in_any_order_however_the_stream_is_cut) {
    for (usize length = 1; length <= content.size(); ++length) {
        Memory memory;
        const FilePiece pieces[] = {
            {8, memory.part(0, 2)}, {0, memory.part(4, 3)}, {2, memory.part(8, 4)}, {5, memory.part(12, 0)}};
        FileTarget target{std::span(pieces)};
        EXPECT_EQ(target.room(), all);
        stream(target, length);
        EXPECT_EQ(memory.text, "89..012.2345....") << length;
        EXPECT_FALSE(target.is_enough(9));
        EXPECT_TRUE(target.is_enough(10));
    }
}

TEST(FileTarget, a_part_with_a_limit_has_enough_at_its_end) {
    Memory memory;
    FileTarget target(memory.part(0, 4), 3, 4); // as much as there is room for
    EXPECT_EQ(target.room(), all);
    EXPECT_FALSE(target.is_enough(6));
    EXPECT_TRUE(target.is_enough(7));
    stream(target, 4);
    EXPECT_EQ(memory.text, "3456............");
}

TEST(FileTarget, a_part_without_a_limit_or_beyond_the_memory_must_fit) {
    Memory memory;
    for (u64 limit : {0, 5}) {
        FileTarget target(memory.part(0, 4), 6, limit);
        EXPECT_EQ(target.room(), 10u);
        EXPECT_FALSE(target.is_enough(10));
    }
    EXPECT_EQ(FileTarget(memory.part(0, 4), all - 3, 0).room(), all);
    EXPECT_EQ(FileTarget(memory.part(0, 4), all - 5, 0).room(), all - 1);
}

} // namespace
} // namespace vireo::net
