// SPDX-License-Identifier: Apache-2.0
#include "boot/image/multiboot.h"

#include "unit/support/elf_image.h"
#include "unit/support/error_text.h"
#include "unit/support/multiboot_image.h"

#include <gtest/gtest.h>

namespace vireo::test {
namespace {

using boot::is_multiboot;
using boot::is_multiboot2;
using boot::Needs;
using boot::Segment;

std::string wrong(const Result<Needs>& needs) { return needs ? "" : text_of(needs.error()); }
std::string wrong1(Bytes file) { return wrong(boot::read_multiboot(file, 0)); }
std::string wrong2(Bytes file) { return wrong(boot::read_multiboot2(file, 0)); }

// A file without any format, whose header says where it belongs.
std::vector<std::byte> flat(std::vector<u32> addresses) {
    std::vector<std::byte> file(0x3000);
    put_multiboot(file, 0x40, 0x10000, std::move(addresses));
    return file;
}

TEST(Multiboot, a_header_is_found_in_the_first_8_kib) {
    std::vector<std::byte> file(0x4000);
    put_multiboot(file, 8192 - 12, 0);
    EXPECT_TRUE(is_multiboot(file));
    EXPECT_FALSE(is_multiboot(Bytes(file).first(8191)));
    file.assign(0x4000, {});
    put_multiboot(file, 8192 - 8, 0);
    EXPECT_FALSE(is_multiboot(file));
    file.assign(0x4000, {});
    put_multiboot(file, 2, 0);
    EXPECT_FALSE(is_multiboot(file));
    put_multiboot(file, 4, 0);
    put_word(file, 8, 1); // the sum is wrong
    EXPECT_FALSE(is_multiboot(file));
    put_multiboot(file, 0x100, 3); // one that is none does not hide one that is
    EXPECT_TRUE(is_multiboot(file));
    EXPECT_EQ(wrong1(std::vector<std::byte>(100)), "it has no Multiboot header");
}

TEST(Multiboot, the_second_version_s_in_the_first_32_kib) {
    std::vector<std::byte> file(0x10000);
    put_multiboot2(file, 32768 - 24, {});
    EXPECT_TRUE(is_multiboot2(file));
    EXPECT_EQ(wrong2(file), "it neither is an ELF file nor says where it belongs"); // it was read to its end
    file.assign(0x10000, {});
    put_multiboot2(file, 32768 - 16, {});
    EXPECT_EQ(wrong2(file), "its header is cut off");
    file.assign(0x10000, {});
    put_multiboot2(file, 32768 - 8, {});
    EXPECT_FALSE(is_multiboot2(file));
    file.assign(0x10000, {});
    put_multiboot2(file, 4, {});
    EXPECT_FALSE(is_multiboot2(file));
    EXPECT_EQ(wrong2(std::vector<std::byte>(100)), "it has no Multiboot2 header");
}

TEST(Multiboot, an_elf_file_is_loaded_as_it_says) {
    auto file = ElfImage{}.bytes();
    put_multiboot(file, 0x1000, 3);
    Needs needs = VIREO_MUST(boot::read_multiboot(file, 0));
    EXPECT_EQ(needs.kind, boot::ImageKind::Multiboot);
    EXPECT_EQ(needs.segments.span(), (Range{0x100000, 0x3000}));
    EXPECT_EQ(needs.entry_offset, 0x10u);
    EXPECT_TRUE(needs.is_initrd_aligned);
    EXPECT_TRUE(needs.in_32_bit_mode);
    put_multiboot(file, 0x1000, 0);
    EXPECT_FALSE(VIREO_MUST(boot::read_multiboot(file, 0)).is_initrd_aligned);
    auto foreign = ElfImage{.machine = 40}.bytes();
    put_multiboot(foreign, 0x1000, 3);
    EXPECT_EQ(wrong1(foreign), "it is an ELF file for another machine");
    auto odd = ElfImage{.entry = 5}.bytes();
    put_multiboot(odd, 0x1000, 3);
    EXPECT_EQ(wrong1(odd), "its entry point is in none of its segments");
}

TEST(Multiboot, flags_that_nobody_can_serve) {
    auto file = ElfImage{}.bytes();
    for (u32 flag = 2; flag < 16; ++flag) {
        put_multiboot(file, 0x1000, 3 | 1u << flag);
        EXPECT_TRUE(wrong1(file).ends_with(" ask for what there is not")) << flag;
    }
    put_multiboot(file, 0x1000, 0xfffe0003); // those it does not insist on
    EXPECT_EQ(wrong1(file), "");
}

TEST(Multiboot, addresses_in_the_header_come_first) {
    auto file = ElfImage{.bytes_there = 0x3000}.bytes();
    put_multiboot(file, 0x1000, 0x10003, {0x201000, 0x200800, 0x200c00, 0x203000, 0x200804});
    Needs needs = VIREO_MUST(boot::read_multiboot(file, 0));
    EXPECT_EQ(*needs.segments.begin(), (Segment{0x800, 0x400, 0x200800, 0x2800}));
    EXPECT_EQ(needs.entry_offset, 4u);
}

TEST(Multiboot, addresses_at_their_bounds) {
    EXPECT_EQ(wrong1(flat({0x100040, 0x100000, 0, 0, 0x102fff})), ""); // to the file's end
    EXPECT_EQ(wrong1(flat({0x100040, 0x100000, 0, 0, 0x103000})),
              "its entry point is in none of its segments");
    EXPECT_EQ(wrong1(flat({0x100041, 0x100000, 0, 0, 0x100000})),
              "its header would lie before its beginning");
    EXPECT_EQ(wrong1(flat({0x0fffff, 0x100000, 0, 0, 0x100000})),
              "its header would lie before its beginning");
    EXPECT_EQ(wrong1(flat({0x100000, 0x100000, 0, 0, 0x100000})), ""); // what is before it is left out
    EXPECT_EQ(wrong1(flat({0x100040, 0x100000, 0x100001, 0, 0x100000})), "");
    EXPECT_EQ(wrong1(flat({0x100040, 0x100000, 0x100000, 0, 0x100000})), "it would end before its beginning");
    EXPECT_EQ(wrong1(flat({0x100040, 0x100000, 0x101000, 0x101000, 0x100000})), "");
    EXPECT_EQ(wrong1(flat({0x100040, 0x100000, 0x101000, 0x100fff, 0x100000})),
              "its zeroed data would end before they begin");
    auto file = flat({0x100040, 0x100000, 0, 0, 0x100000});
    EXPECT_EQ(wrong1(Bytes(file).first(0x40 + 31)), "its header is cut off");
    EXPECT_EQ(wrong1(Bytes(file).first(0x40 + 32)), "");
}

TEST(Multiboot, tags_of_the_second_version) {
    auto file = ElfImage{}.bytes();
    auto with = [&](std::vector<u32> tags, bool has_end = true, u32 architecture = 0) {
        put_multiboot2(file, 0x1000, std::move(tags), has_end, architecture);
        return wrong2(file);
    };
    EXPECT_EQ(with({}), "");
    EXPECT_EQ(with({}, true, 4), "its header is for architecture 4");
    EXPECT_EQ(with({}, false), "its header has no end");
    EXPECT_EQ(with({6, 8}), "");
    EXPECT_TRUE(VIREO_MUST(boot::read_multiboot2(file, 0)).is_initrd_aligned);
    EXPECT_EQ(with({6, 7}), "its header's tag 6 is cut off");
    EXPECT_EQ(with({6, 16}), "its header has no end"); // that is in it
    EXPECT_EQ(with({6, 17}), "its header's tag 6 is cut off");
    EXPECT_EQ(with({4, 12, 3, 0, 7, 8, 8, 12, 0, 0, 9, 12, 0, 0, 10, 24, 0, 0, 0, 0}), "");
    EXPECT_EQ(with({5, 20, 0, 0, 0, 0}), "its header's tag 5 asks for what there is not");
    EXPECT_EQ(with({5 | 1 << 16, 20, 0, 0, 0, 0}), "");
    EXPECT_EQ(with({11, 8}), "its header's tag 11 asks for what there is not");
    EXPECT_EQ(with({11 | 1 << 16, 8}), "");
    EXPECT_EQ(with({3, 12, 0x100800, 0}), "its entry point is in none of its segments");
    EXPECT_EQ(with({3, 12, 0x1007ff, 0}), "");
    EXPECT_EQ(with({3, 11, 0x1007ff, 0}), "its header's tag 3 is cut off");
    EXPECT_EQ(with({2, 23, 0x101000, 0x100800, 0, 0}), "its header's tag 2 is cut off");
    EXPECT_EQ(with({2, 24, 0x101000, 0x100800, 0, 0, 3, 12, 0x100800, 0}), "");
    EXPECT_EQ(VIREO_MUST(boot::read_multiboot2(file, 0)).segments.begin()->offset, 0x800u);
}

TEST(Multiboot, information_that_is_asked_for) {
    auto file = ElfImage{}.bytes();
    auto with = [&](u32 kind, u32 flags = 0) {
        put_multiboot2(file, 0x1000, {1 | flags << 16, 16, 4, kind});
        return wrong2(file);
    };
    for (u32 kind : {1u, 2u, 3u, 4u, 6u, 14u, 15u})
        EXPECT_EQ(with(kind), "") << kind;
    for (u32 kind : {0u, 5u, 7u, 8u, 13u, 16u, 32u, ~u32{0}})
        EXPECT_TRUE(with(kind).ends_with(", which there is not")) << kind;
    EXPECT_EQ(with(8, 1), "");
}

} // namespace
} // namespace vireo::test
