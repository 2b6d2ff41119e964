// SPDX-License-Identifier: Apache-2.0
#include "boot/image/linux_x86.h"

#include "boot/image/image.h"
#include "unit/support/error_text.h"
#include "unit/support/x86_image.h"

#include <gtest/gtest.h>

namespace vireo::test {
namespace {

using boot::LinuxX86Header;
using boot::Needs;
using boot::read_linux_x86;
using boot::read_linux_x86_64;

constexpr u64 MiB = 1 << 20;
constexpr u64 GiB = 1 << 30;

Needs on_64_bits(const X86Image& image) { return VIREO_MUST(read_linux_x86_64(image.bytes(), 0)); }
Needs on_32_bits(const X86Image& image) { return VIREO_MUST(read_linux_x86(image.bytes(), 0)); }

TEST(LinuxX86Header, debian_s_is_read) {
    EXPECT_EQ(boot::recognise(X86Image{}.bytes()), boot::ImageKind::LinuxX86);
    Needs needs = on_64_bits({});
    EXPECT_EQ(needs.kind, boot::ImageKind::LinuxX86);
    EXPECT_EQ(needs.skipped_bytes, 0x5000u);
    EXPECT_EQ(needs.file_bytes, 0x5000u + 8 * MiB);
    EXPECT_EQ(needs.rounded_by, 15u);
    EXPECT_EQ(needs.entry_offset, 0x200u);
    EXPECT_FALSE(needs.in_32_bit_mode);
    EXPECT_EQ(needs.initrd.end, ~u64{0});
    EXPECT_EQ(needs.kernel.end, 4 * GiB);
    EXPECT_EQ(needs.description.end, 4 * GiB);
}

TEST(LinuxX86Header, a_kernel_of_64_bits_on_a_board_of_32) {
    Needs needs = on_32_bits({});
    EXPECT_EQ(needs.entry_offset, 0u);
    EXPECT_FALSE(needs.in_32_bit_mode);
    EXPECT_EQ(needs.initrd.end, 2 * GiB);
}

TEST(LinuxX86Header, a_kernel_of_32_bits_has_its_initrd_in_low_memory) {
    X86Image image{.more_load_flags = 4};
    EXPECT_EQ(on_32_bits(image).initrd.end, 0x38000000u);
    EXPECT_EQ(on_64_bits(image).initrd.end, 0x38000000u);
    EXPECT_TRUE(on_64_bits(image).in_32_bit_mode);
    EXPECT_EQ(on_64_bits(image).entry_offset, 0u);
    image.initrd_most = 0x37ffffff;
    EXPECT_EQ(on_32_bits(image).initrd.end, 0x38000000u);
    image.initrd_most = 0x37fffffe;
    EXPECT_EQ(on_32_bits(image).initrd.end, 0x37ffffffu);
    image.initrd_most = ~u32{0};
    EXPECT_EQ(on_32_bits(image).initrd.end, 0x38000000u);
}

TEST(LinuxX86Header, an_initrd_above_4_gib_takes_both_flags) {
    X86Image image{.initrd_most = ~u32{0}, .more_load_flags = 1};
    EXPECT_EQ(on_64_bits(image).initrd.end, 4 * GiB);
    image.more_load_flags = 2;
    EXPECT_EQ(on_64_bits(image).initrd.end, 0x38000000u);
    image.more_load_flags = 3;
    EXPECT_EQ(on_64_bits(image).initrd.end, ~u64{0});
    image.protocol = 0x20b; // had no such flags yet
    EXPECT_EQ(on_64_bits(image).initrd.end, 0x38000000u);
    EXPECT_TRUE(on_64_bits(image).in_32_bit_mode);
}

TEST(LinuxX86Header, one_that_is_relocatable_lies_on_any_page_from_where_it_prefers_to_be) {
    Needs needs = on_64_bits({});
    EXPECT_EQ(needs.kernel.alignment, 4096u);
    EXPECT_EQ(needs.kernel.skew, 0u);
    EXPECT_EQ(needs.kernel.lowest, 16 * MiB);
    // It runs from the next 2 MiB on.
    EXPECT_EQ(needs.image_bytes, 0x3378000u + 2 * MiB - 4096);
    needs = on_64_bits({.alignment = 1024});
    EXPECT_EQ(needs.kernel.alignment, 1024u);
    EXPECT_EQ(needs.image_bytes, 0x3378000u);
}

TEST(LinuxX86Header, one_that_is_not_has_one_address) {
    // memtest86+
    Needs needs = on_64_bits({.setup_sectors = 2,
                              .protocol = 0x20c,
                              .alignment = 0x1000,
                              .is_relocatable = 0,
                              .more_load_flags = 9,
                              .preferred_address = 0x100000,
                              .memory_bytes = 0x23000});
    EXPECT_EQ(needs.skipped_bytes, 0x600u);
    EXPECT_EQ(needs.image_bytes, 0x23000u);
    EXPECT_EQ(needs.kernel.alignment, u64{1} << 63);
    EXPECT_EQ(needs.kernel.skew, 0x100000u);
}

TEST(LinuxX86Header, no_setup_sectors_are_four) {
    EXPECT_EQ(on_64_bits({.setup_sectors = 0}).skipped_bytes, 2560u);
}

// What read() says of it.
std::string refusal(const X86Image& image, usize bytes = 1024) {
    auto read = LinuxX86Header::read(image.bytes(bytes));
    return read ? "" : text_of(read.error());
}

TEST(LinuxX86Header, one_that_is_cut_off_and_a_whole_one) {
    EXPECT_EQ(refusal({}, 0x26c), "");
    for (usize bytes : {0u, 0x1f1u, 0x206u, 0x26bu})
        EXPECT_EQ(refusal({}, bytes), "the header is cut off") << bytes;
}

TEST(LinuxX86Header, protocols_before_2_10_and_headers_that_end_early_are_for_a_bios) {
    EXPECT_EQ(refusal({.protocol = 0x20a}), "");
    EXPECT_EQ(refusal({.protocol = 0x209}), "it is of boot protocol 209, which takes a PC's BIOS");
    EXPECT_EQ(refusal({.header_end = 0x62}), "");
    EXPECT_EQ(refusal({.protocol = 0x207, .header_end = 0x36}),
              "it is of boot protocol 207, which takes a PC's BIOS"); // iPXE
    EXPECT_EQ(refusal({.header_end = 0x61}), "it is of boot protocol 20f, which takes a PC's BIOS");
    EXPECT_EQ(refusal({.load_flags = 0x80}), "it is a zImage, which lies where a PC's BIOS is");
}

TEST(LinuxX86Header, numbers_that_cannot_be) {
    const std::string nowhere = "the header says that it takes no memory, or lies above 4 GiB";
    EXPECT_EQ(refusal({.memory_bytes = 0}), nowhere);
    EXPECT_EQ(refusal({.memory_bytes = 1}), "");
    EXPECT_EQ(refusal({.preferred_address = 4 * GiB}), nowhere);
    EXPECT_EQ(refusal({.preferred_address = 4 * GiB - 4096}), "");
    const std::string odd = "the header says an alignment that is no power of two";
    EXPECT_EQ(refusal({.alignment = 0}), odd);
    EXPECT_EQ(refusal({.alignment = 0x300000}), odd);
    EXPECT_EQ(refusal({.alignment = u32{1} << 31}), "");
    EXPECT_EQ(refusal({.alignment = 0, .is_relocatable = 0}), ""); // it counts for nothing
}

} // namespace
} // namespace vireo::test
