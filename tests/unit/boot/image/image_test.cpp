// SPDX-License-Identifier: Apache-2.0
#include "boot/image/image.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vireo::test {
namespace {

using boot::ImageKind;
using boot::recognise;

// A file of zeros with some bytes in it.
std::vector<std::byte> file(usize offset, const std::string& magic, usize bytes = 1024) {
    std::vector<std::byte> data(bytes);
    std::memcpy(data.data() + offset, magic.data(), magic.size());
    return data;
}

struct Format {
    ImageKind kind;
    usize offset;
    std::string magic;
};

const Format formats[] = {
    {ImageKind::LinuxArm64, 56, "ARM\x64"},
    {ImageKind::LinuxRiscv, 56, std::string("RSC\5")},
    {ImageKind::LinuxArm, 36, "\x18\x28\x6f\x01"},
    {ImageKind::LinuxX86, 0x202, "HdrS"},
    {ImageKind::EfiZboot, 4, "zimg"},
    {ImageKind::EfiProgram, 0, "MZ"},
    {ImageKind::Elf, 0,
     "\x7f"
     "ELF"},
    {ImageKind::UImage, 0, "\x27\x05\x19\x56"},
    {ImageKind::Tree, 0, "\xd0\x0d\xfe\xed"},
    {ImageKind::Cpio, 0, "070701"},
    {ImageKind::Gzip, 0, "\x1f\x8b\x08"},
    {ImageKind::Bzip2, 0, "BZh9"},
    {ImageKind::Xz, 0,
     std::string("\xfd"
                 "7zXZ\0",
                 6)},
    {ImageKind::Lz4, 0, "\x04\x22\x4d\x18"},
    {ImageKind::Lz4Legacy, 0, "\x02\x21\x4c\x18"},
    {ImageKind::Zstd, 0, "\x28\xb5\x2f\xfd"},
};

TEST(Image, every_kind_is_recognised_by_its_bytes_and_has_a_name_of_its_own) {
    std::vector<std::string> names;
    for (const Format& format : formats) {
        EXPECT_EQ(recognise(file(format.offset, format.magic)), format.kind) << format.magic;
        names.emplace_back(boot::name_of(format.kind));
        EXPECT_TRUE(names.back().starts_with("a")) << names.back();
    }
    std::ranges::sort(names);
    EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

TEST(Image, a_file_that_ends_inside_its_magic_is_unknown) {
    for (const Format& format : formats) {
        auto data = file(format.offset, format.magic);
        usize end = format.offset + format.magic.size();
        EXPECT_EQ(recognise(Bytes(data).first(end)), format.kind) << format.magic;
        EXPECT_NE(recognise(Bytes(data).first(format.offset + 1)), format.kind) << format.magic;
    }
    EXPECT_EQ(recognise({}), std::nullopt);
}

TEST(Image, what_says_nothing_is_unknown) {
    EXPECT_EQ(recognise(std::vector<std::byte>(1024)), std::nullopt);
    EXPECT_EQ(recognise(std::vector<std::byte>(1024, std::byte{0xff})), std::nullopt);
    EXPECT_EQ(recognise(file(0, "#!/bin/sh\n")), std::nullopt);
}

TEST(Image, a_kernel_that_is_an_efi_program_too_is_a_kernel) {
    auto kernel = file(56, "ARM\x64");
    std::memcpy(kernel.data(), "MZ", 2);
    EXPECT_EQ(recognise(kernel), ImageKind::LinuxArm64);
    std::memcpy(kernel.data() + 4, "zimg", 4);
    EXPECT_EQ(recognise(kernel), ImageKind::EfiZboot);
}

} // namespace
} // namespace vireo::test
