// SPDX-License-Identifier: Apache-2.0
#include "boot/image/linux_arm64.h"

#include "boot/image/image.h"
#include "unit/support/arm64_image.h"
#include "unit/support/error_text.h"

#include <gtest/gtest.h>

namespace vireo::test {
namespace {

using boot::LinuxArm64;

TEST(LinuxArm64Header, debian_s_is_read_with_the_length_of_its_file) {
    auto head = Arm64Image{.file_bytes = 32'956'352}.bytes();
    EXPECT_EQ(boot::recognise(head), boot::ImageKind::LinuxArm64);
    auto header = LinuxArm64::read(head);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->text_offset, 0u);
    EXPECT_EQ(header->image_bytes, 0x2010000u);
    EXPECT_EQ(header->file_bytes, 32'956'352u);
}

TEST(LinuxArm64Header, one_that_is_cut_off_is_corrupt_and_a_whole_one_is_enough) {
    auto head = Arm64Image{.text_offset = 0x80000}.bytes(64);
    EXPECT_EQ(LinuxArm64::read(head)->text_offset, 0x80000u);
    for (usize bytes : {0u, 1u, 16u, 63u}) {
        auto cut = LinuxArm64::read(Bytes(head).first(bytes));
        ASSERT_FALSE(cut) << bytes;
        EXPECT_EQ(cut.error().code, ErrorCode::Corrupt);
        EXPECT_EQ(text_of(cut.error()), "the header is cut off");
    }
}

TEST(LinuxArm64Header, before_3_17_it_says_nothing_and_16_mib_are_taken) {
    auto header = LinuxArm64::read(Arm64Image{.text_offset = 0x8000000000, .image_bytes = 0}.bytes());
    EXPECT_EQ(header->text_offset, 0x80000u);
    EXPECT_EQ(header->image_bytes, 16u << 20);
    EXPECT_EQ(header->file_bytes, 0u);
}

TEST(LinuxArm64Header, efi_headers_that_are_none_or_not_whole_say_no_length) {
    Arm64Image image{.file_bytes = 0x20000};
    auto head = image.bytes();
    constexpr usize table = 0x40 + 24 + 160;
    EXPECT_EQ(LinuxArm64::read(Bytes(head).first(table + 2 * 40))->file_bytes, 0x20000u);
    EXPECT_EQ(LinuxArm64::read(Bytes(head).first(table + 2 * 40 - 1))->file_bytes, 0u);
    EXPECT_EQ(LinuxArm64::read(Bytes(head).first(0x40 + 24 - 1))->file_bytes, 0u);
    head[0x40] = std::byte{'Q'};
    EXPECT_EQ(LinuxArm64::read(head)->file_bytes, 0u);
    image.pe_offset = 0x40;
    image.sections = 0xffff; // 2.6 MB of them
    EXPECT_EQ(LinuxArm64::read(image.bytes())->file_bytes, 0u);
}

TEST(LinuxArm64Header, an_efi_header_beyond_the_beginning_of_the_file_is_none) {
    for (u32 offset : {1000u, 1024u, 0x7fffffffu, 0xffffffffu}) {
        auto head = Arm64Image{}.bytes();
        Le<u32> little = offset;
        std::memcpy(&head[60], &little, 4);
        EXPECT_EQ(LinuxArm64::read(head)->file_bytes, 0u) << offset;
    }
}

TEST(LinuxArm64Header, sections_at_the_end_of_32_bits_do_not_wrap) {
    auto head = Arm64Image{.file_bytes = 0x20000}.bytes();
    Le<u32> all = ~u32{0};
    constexpr usize table = 0x40 + 24 + 160;
    std::memcpy(&head[table + 16], &all, 4);
    std::memcpy(&head[table + 20], &all, 4);
    EXPECT_EQ(LinuxArm64::read(head)->file_bytes, 2 * u64{0xffffffff});
}

} // namespace
} // namespace vireo::test
