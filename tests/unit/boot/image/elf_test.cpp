// SPDX-License-Identifier: Apache-2.0
#include "boot/image/elf.h"

#include "boot/image/pvh.h"
#include "unit/support/elf_image.h"
#include "unit/support/error_text.h"

#include <gtest/gtest.h>

namespace vireo::test {
namespace {

using boot::Elf;
using boot::ImageKind;
using boot::Segment;
using boot::Segments;

// What is wrong with it.
std::string wrong(const ElfImage& image) {
    auto file = image.bytes();
    auto elf = Elf::read(file);
    if (!elf)
        return text_of(elf.error());
    auto segments = image.sections.empty() ? elf->segments() : elf->sections();
    if (!segments)
        return text_of(segments.error());
    auto needs = Elf::needs_of(ImageKind::Elf, *segments, elf->entry());
    return needs ? "" : text_of(needs.error());
}

TEST(Elf, both_widths_say_the_same) {
    for (bool is_wide : {false, true}) {
        auto file = ElfImage{.is_wide = is_wide}.bytes();
        EXPECT_EQ(boot::recognise(file), ImageKind::Elf);
        Elf elf = VIREO_MUST(Elf::read(file));
        EXPECT_EQ(elf.is_64_bit(), is_wide);
        EXPECT_EQ(elf.machine_name(), "x86");
        Segments segments = VIREO_MUST(elf.segments());
        ASSERT_EQ(segments.end() - segments.begin(), 2);
        EXPECT_EQ(segments.begin()[0], (Segment{0x1000, 0x800, 0x100000, 0x800}));
        EXPECT_EQ(segments.begin()[1], (Segment{0x1800, 0x400, 0x101000, 0x2000}));
        auto needs = VIREO_MUST(Elf::needs_of(ImageKind::Elf, segments, elf.entry()));
        EXPECT_EQ(needs.file_bytes, 0x1c00u);
        EXPECT_EQ(needs.image_bytes, 0x3000u);
        EXPECT_EQ(needs.entry_offset, 0x10u);
        EXPECT_EQ(needs.kernel.skew, 0x100000u);
    }
}

TEST(Elf, a_header_that_cannot_be_used) {
    EXPECT_EQ(wrong({.byte_order = 2}), "it is for a big-endian machine");
    EXPECT_EQ(wrong({.width = 3}), "its header says a width of 3");
    EXPECT_EQ(wrong({.entry_bytes = 31}), "its table's entries have 31 bytes");
    EXPECT_EQ(wrong({.is_wide = true, .entry_bytes = 55}), "its table's entries have 55 bytes");
    EXPECT_EQ(wrong({.table = 0x2000 - 64}), "it has nothing to load"); // whole, but zeroes
    EXPECT_EQ(wrong({.table = 0x2000 - 63}), "the file is cut off");
    EXPECT_EQ(wrong({.is_wide = true, .table = ~u64{0}}), "the file is cut off");
    EXPECT_EQ(wrong({.parts = {}}), "it has nothing to load");
    EXPECT_EQ(wrong({.bytes_there = 51}), "the file is cut off");
    EXPECT_EQ(wrong({.bytes_there = 15}), "the file is cut off");
    EXPECT_EQ(wrong({.is_wide = true, .bytes_there = 63}), "the file is cut off");
    EXPECT_EQ(wrong({.parts = {{4, 0x1000, 0, 0x100000, 0x800, 0x800}}}), "it has nothing to load");
}

TEST(Elf, segments_at_their_bounds) {
    ElfImage image;
    image.parts[0].file_bytes = 0x801;
    EXPECT_EQ(wrong(image), "segment 1 is larger in the file than in memory");
    image.parts[0].memory_bytes = 0x1000;
    EXPECT_EQ(wrong(image), "");
    image.parts[0].memory_bytes = 0x1001;
    EXPECT_EQ(wrong(image), "segment 2 lies over another one");
    image.parts[0].memory_bytes = 0; // then it is left out
    EXPECT_EQ(wrong(image), "its entry point is in none of its segments");
    image = {.is_wide = true};
    image.parts[1].address = ~u64{0} - 0x2000;
    EXPECT_EQ(wrong(image), "");
    ++image.parts[1].address;
    EXPECT_EQ(wrong(image), "segment 2 goes beyond all addresses");
    image = {.is_wide = true};
    image.parts[1].offset = ~u64{0} - 0x400;
    EXPECT_EQ(wrong(image), "");
    ++image.parts[1].offset;
    EXPECT_EQ(wrong(image), "segment 2 goes beyond all addresses");
}

TEST(Elf, sixteen_segments_and_one_more) {
    ElfImage image{.parts = {}};
    for (u64 i = 0; i < 16; ++i)
        image.parts.push_back({1, 0x1000, 0, 0x100000 + i * 0x1000, 0x10, 0x1000});
    EXPECT_EQ(wrong(image), "");
    image.parts.push_back({1, 0x1000, 0, 0x110000, 0, 0});
    EXPECT_EQ(wrong(image), ""); // of no bytes
    image.parts.push_back({1, 0x1000, 0, 0x110000, 0x10, 0x1000});
    EXPECT_EQ(wrong(image), "it has more than 16 segments");
}

TEST(Elf, its_entry_is_where_it_is_loaded_to) {
    ElfImage image{.entry = 0xc0000010};
    image.parts[0].virtual_address = 0xc0000000;
    auto entry = [&] {
        auto file = image.bytes();
        return VIREO_MUST(Elf::read(file)).entry();
    };
    EXPECT_EQ(entry(), 0x100010u);
    image.entry = 0xc00007ff;
    EXPECT_EQ(entry(), 0x1007ffu);
    image.entry = 0xc0000800;
    EXPECT_EQ(entry(), 0xc0000800u);
    EXPECT_EQ(wrong(image), "its entry point is in none of its segments");
    image.entry = 0x100800;
    EXPECT_EQ(wrong(image), "its entry point is in none of its segments");
    image.entry = 0x1007ff; // an address that it is loaded to, not linked for
    EXPECT_EQ(wrong(image), "");
    image.entry = 0xfffff;
    EXPECT_EQ(wrong(image), "its entry point is in none of its segments");
}

TEST(Elf, sections_that_take_memory) {
    ElfImage image{.sections = {{1, 0x1000, 2, 0x100000, 0, 0x40},
                                {1, 0x1040, 0, 0x100040, 0, 0x40},
                                {8, 0x9000, 3, 0x200000, 0, 0x100}}};
    for (bool is_wide : {false, true}) {
        image.is_wide = is_wide;
        auto file = image.bytes();
        Segments segments = VIREO_MUST(VIREO_MUST(Elf::read(file)).sections());
        ASSERT_EQ(segments.end() - segments.begin(), 2);
        EXPECT_EQ(segments.begin()[0], (Segment{0x1000, 0x40, 0x100000, 0x40}));
        EXPECT_EQ(segments.begin()[1], (Segment{0, 0, 0x200000, 0x100}));
    }
    image.sections.assign(1000, {});
    EXPECT_EQ(wrong(image), "the file is cut off");
}

TEST(Pvh, its_note_says_the_entry) {
    for (u32 bytes : {4u, 8u}) {
        auto file = ElfImage::with_note({}, 0x1007ff, bytes);
        EXPECT_TRUE(boot::is_pvh(file));
        auto needs = VIREO_MUST(boot::read_pvh(file, 0));
        EXPECT_EQ(needs.kind, ImageKind::Pvh);
        EXPECT_EQ(needs.entry_offset, 0x7ffu);
        EXPECT_TRUE(needs.in_32_bit_mode);
        EXPECT_EQ(needs.initrd.end, 0x38000000u);
    }
    auto wide = ElfImage::with_note({.is_wide = true, .machine = 62}, 0x100000, 8);
    EXPECT_EQ(VIREO_MUST(boot::read_pvh(wide, 0)).initrd.end, u64{1} << 32);
}

TEST(Pvh, notes_that_are_not_its) {
    EXPECT_FALSE(boot::is_pvh(ElfImage{}.bytes()));
    EXPECT_FALSE(boot::is_pvh(ElfImage::with_note({}, 0x100000, 4, 17)));
    EXPECT_FALSE(boot::is_pvh(ElfImage::with_note({}, 0x100000, 4, 18, "Xem")));
    EXPECT_FALSE(boot::is_pvh(ElfImage::with_note({}, 0x100000, 4, 18, "Xeno")));
    EXPECT_FALSE(boot::is_pvh(ElfImage::with_note({.machine = 183}, 0x100000, 4)));
}

TEST(Pvh, notes_that_are_damaged) {
    auto wrong_note = [](Bytes file) {
        EXPECT_TRUE(boot::is_pvh(file)); // so that its failure is told
        auto needs = boot::read_pvh(file, 0);
        return needs ? "" : text_of(needs.error());
    };
    EXPECT_EQ(wrong_note(ElfImage::with_note({}, 0x100000, 5)), "a note has 5 bytes");
    EXPECT_EQ(wrong_note(ElfImage::with_note({}, 0x100000, 0x1c)),
              "a note has 28 bytes"); // the segment's end
    EXPECT_EQ(wrong_note(ElfImage::with_note({}, 0x100000, 0x1d)), "a note is cut off");
    EXPECT_EQ(wrong_note(ElfImage::with_note({}, 0x100000, ~u32{0})), "a note is cut off");
    EXPECT_EQ(wrong_note(ElfImage::with_note({}, 0xfffff, 4)), "its entry point is in none of its segments");
    EXPECT_EQ(wrong_note(ElfImage::with_note({}, 0x1'0010'0000, 8)),
              "its entry point is in none of its segments");
    auto file = ElfImage::with_note({}, 0x100000, 4);
    EXPECT_EQ(wrong_note(Bytes(file).first(0x1140)), ""); // what else is missing, placement finds
    EXPECT_EQ(wrong_note(Bytes(file).first(0x113f)), "the file is cut off");
}

} // namespace
} // namespace vireo::test
