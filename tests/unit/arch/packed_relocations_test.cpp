// SPDX-License-Identifier: Apache-2.0
// arch/x86/packed_relocations.cpp, which runs before anything else of the 32-bit image. The tables here
// are as LLD writes them.
#include <gtest/gtest.h>

#include <array>

#include "arch/x86/packed_relocations.cpp"

namespace {

using namespace vireo;

struct Image {
    std::array<u8, 512> bytes{};

    u32 word(usize offset) const {
        u32 value;
        std::memcpy(&value, &bytes[offset], sizeof(value));
        return value;
    }
    void set(usize offset, u32 value) { std::memcpy(&bytes[offset], &value, sizeof(value)); }
    uptr base() const { return reinterpret_cast<uptr>(bytes.data()); }
    u32 moved(u32 value) const { return value + static_cast<u32>(base()); }
};

constexpr u8 relative = 8; // R_386_RELATIVE
constexpr u8 same_type = 1;
constexpr u8 same_distance = 2;

TEST(PackedRelocations, places_at_any_byte_and_any_distance) {
    Image image;
    image.set(3, 0x1234);
    image.set(7, 0x20);         // right behind
    image.set(66, 0xffff'fffc); // 59 on: one byte; wraps
    image.set(130, 5);          // 64 on: the first distance that takes two bytes
    image.set(400, 6);
    const u8 table[] = {'A', 'P', 'S', '2', 5, 0, 5, same_type, relative, 3, 4, 59, 0xc0, 0x00, 0x8e, 0x02};
    vireo_apply_packed(image.base(), table);
    EXPECT_EQ(image.word(3), image.moved(0x1234));
    EXPECT_EQ(image.word(7), image.moved(0x20));
    EXPECT_EQ(image.word(66), image.moved(0xffff'fffc));
    EXPECT_EQ(image.word(130), image.moved(5));
    EXPECT_EQ(image.word(400), image.moved(6));
    EXPECT_EQ(image.word(11), 0);
}

// Tables of addresses come first, as one place and the rest of the group; what lies before them
// has a negative distance.
TEST(PackedRelocations, groups_of_neighbours_and_a_way_back) {
    Image image;
    for (usize i = 0; i < 9; ++i)
        image.set(256 + 4 * i, static_cast<u32>(i));
    image.set(16, 100);
    image.set(21, 101);
    const u8 table[] = {'A',      'P',
                        'S',      '2',
                        11,       0, //
                        1,        same_type | same_distance,
                        0x80,     0x02,
                        relative, // at 256
                        8,        same_type | same_distance,
                        4,        relative, //
                        2,        same_type,
                        relative, 0xf0,
                        0x7d,     5}; // 272 back
    vireo_apply_packed(image.base(), table);
    for (usize i = 0; i < 9; ++i)
        EXPECT_EQ(image.word(256 + 4 * i), image.moved(static_cast<u32>(i))) << i;
    EXPECT_EQ(image.word(292), 0);
    EXPECT_EQ(image.word(16), image.moved(100));
    EXPECT_EQ(image.word(21), image.moved(101));
}

TEST(PackedRelocations, nothing_to_do) {
    Image image;
    const u8 table[] = {'A', 'P', 'S', '2', 0, 0};
    vireo_apply_packed(image.base(), table);
    EXPECT_EQ(image.word(0), 0);
}

} // namespace
