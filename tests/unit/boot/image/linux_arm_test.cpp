// SPDX-License-Identifier: Apache-2.0
#include "boot/image/linux_arm.h"

#include "boot/image/image.h"
#include "unit/support/error_text.h"
#include "unit/support/zimage.h"

#include <gtest/gtest.h>

namespace vireo::test {
namespace {

constexpr u64 MiB = 1 << 20;
constexpr u64 ram = 0x40000000;
// What is left free when the file does not say how much it takes.
constexpr u64 unknown = 0x208000 + 32 * MiB;

boot::Needs needs(const ZImage& image, std::optional<usize> count = {}) {
    return VIREO_MUST(boot::read_linux_arm(image.bytes(count), ram));
}

TEST(LinuxArm, the_table_says_where_it_unpacks_itself) {
    ZImage image;
    EXPECT_EQ(boot::recognise(image.bytes()), boot::ImageKind::LinuxArm);
    boot::Needs wanted = needs(image);
    EXPECT_EQ(wanted.kind, boot::ImageKind::LinuxArm);
    EXPECT_EQ(wanted.file_bytes, 0x10000u);
    EXPECT_EQ(wanted.image_bytes, 0x50000u); // and what inflating takes
    EXPECT_EQ(wanted.unpacks, (Range{ram, 0x208000 + 0x100000 + 0x60000}));
    EXPECT_EQ(wanted.kernel.lowest, wanted.unpacks.end());
    EXPECT_EQ(wanted.kernel.end, ram + 128 * MiB);
    EXPECT_EQ(wanted.initrd.end, ram + 760 * MiB);
    EXPECT_EQ(wanted.description.end, ram + 760 * MiB);
    EXPECT_EQ(wanted.entry_offset, 0u);
    // Where it was linked to begin does not matter.
    image.start = 0x8000;
    EXPECT_EQ(needs(image).file_bytes, 0x10000u);
}

TEST(LinuxArm, sizes_of_32_bits_do_not_wrap) {
    constexpr u32 most = 0xffffffff;
    EXPECT_EQ(needs({.text_offset = most, .inflated_bytes = most, .bss_bytes = most}).unpacks.bytes,
              3 * u64{most});
}

TEST(LinuxArm, without_its_sizes_32_mib_are_left_free) {
    EXPECT_EQ(needs({.words = 5}).unpacks.bytes, unknown);
    EXPECT_EQ(needs({.tag = 1}).unpacks.bytes, unknown);
    EXPECT_EQ(needs({.table_magic = 0}).unpacks.bytes, unknown);
    EXPECT_EQ(needs({.inflated_bytes = 0}).unpacks.bytes, unknown);
    // The record ends with the file, and a byte later; so does the size.
    EXPECT_NE(needs({.table_offset = 0x40}, 0x40 + 24).unpacks.bytes, 0u);
    EXPECT_EQ(needs({.table_offset = 0x10000 - 23}).unpacks.bytes, unknown);
    EXPECT_EQ(needs({.table_offset = 0xffffffff}).unpacks.bytes, unknown);
    EXPECT_NE(needs({.size_offset = 0x10000 - 4}).unpacks.bytes, unknown);
    EXPECT_EQ(needs({.size_offset = 0x10000 - 3}).unpacks.bytes, unknown);
    EXPECT_EQ(needs({.size_offset = 0xffffffff}).unpacks.bytes, unknown);
    EXPECT_EQ(needs({}, 0xffff).unpacks.bytes, unknown); // cut off in the size
}

TEST(LinuxArm, a_header_that_is_cut_off_or_makes_no_sense) {
    for (usize bytes : {0u, 0x3bu}) {
        auto cut = boot::read_linux_arm(ZImage{}.bytes(bytes), ram);
        ASSERT_FALSE(cut) << bytes;
        EXPECT_EQ(cut.error().code, ErrorCode::Corrupt);
        EXPECT_EQ(text_of(cut.error()), "the header is cut off");
    }
    EXPECT_EQ(needs({}, 0x3c).unpacks.bytes, unknown);
    auto backwards = boot::read_linux_arm(ZImage{.file_bytes = 0}.bytes(), ram);
    ASSERT_FALSE(backwards);
    EXPECT_EQ(text_of(backwards.error()), "the header says that it ends before it begins");
}

} // namespace
} // namespace vireo::test
