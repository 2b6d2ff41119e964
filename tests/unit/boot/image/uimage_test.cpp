// SPDX-License-Identifier: Apache-2.0
#include "boot/image/uimage.h"

#include "boot/image/efi_zboot.h"
#include "unit/support/error_text.h"
#include "unit/support/wrapped.h"

#include <gtest/gtest.h>

namespace vireo::test {
namespace {

using boot::UImage;
using boot::UImageParts;

Octets filled(usize count) { return Octets(count, std::byte{0x5a}); }

TEST(UImageHeader, says_what_it_says) {
    Octets file = Wrapped{.type = 2, .compression = 1, .name = "Linux-6.1"}.around(filled(100));
    auto image = VIREO_MUST(UImage::read(file));
    EXPECT_EQ(image.name(), "Linux-6.1");
    EXPECT_EQ(image.type, UImage::Type::Kernel);
    EXPECT_EQ(image.data_bytes, 100u);
    EXPECT_EQ(image.load, 0x40080000u);
    EXPECT_EQ(image.entry, 0x40080004u);
    EXPECT_EQ(image.architecture_name(), "AArch64");
    EXPECT_EQ(image.os_name(), "Linux");
    EXPECT_EQ(image.type_name(), "Kernel Image");
    EXPECT_EQ(image.compression_name(), "gzip compressed");
    EXPECT_TRUE(image.verify(file));
}

TEST(UImageHeader, numbers_that_nobody_knows_and_a_name_that_does_not_end) {
    std::string name(32, 'x');
    auto image = VIREO_MUST(UImage::read(
        Wrapped{.os = 200, .architecture = 201, .type = 202, .compression = 203, .name = name}.around({})));
    EXPECT_EQ(image.name(), name);
    EXPECT_EQ(image.architecture_name(), "Unknown Architecture");
    EXPECT_EQ(image.os_name(), "Unknown OS");
    EXPECT_EQ(image.type_name(), "Unknown Image");
    EXPECT_EQ(image.compression_name(), "unknown compression");
}

TEST(UImageHeader, any_bit_of_it_is_summed) {
    Octets file = Wrapped{}.around(filled(10));
    for (usize bit = 32; bit < 64 * 8; ++bit) {
        Octets broken = file;
        broken[bit / 8] ^= std::byte{static_cast<u8>(1 << bit % 8)};
        auto image = UImage::read(broken);
        ASSERT_FALSE(image) << bit;
        EXPECT_EQ(text_of(image.error()), "the checksum of its header");
    }
    EXPECT_FALSE(UImage::read(Bytes(file).first(63)));
    EXPECT_TRUE(UImage::read(Bytes(file).first(64)));
}

TEST(UImageHeader, its_data) {
    Octets file = Wrapped{}.around(filled(10));
    auto image = VIREO_MUST(UImage::read(file));
    EXPECT_EQ(text_of(image.verify(Bytes(file).first(73)).error()), "it is cut off");
    EXPECT_FALSE(image.verify(Bytes(file).first(63)));
    file.push_back(std::byte{1}); // what is behind it does not count
    EXPECT_TRUE(image.verify(file));
    file[73] ^= std::byte{1};
    EXPECT_EQ(text_of(image.verify(file).error()), "the checksum of its data");
}

TEST(UImageFiles, each_lies_at_a_multiple_of_four) {
    Octets file = Wrapped{}.around_all({filled(5), filled(8), filled(1)});
    auto image = VIREO_MUST(UImage::read(file));
    auto parts = VIREO_MUST(UImageParts::read(image, file));
    ASSERT_EQ(parts.count, 3u);
    EXPECT_EQ(parts.ranges[0], (Range{64 + 16, 5}));
    EXPECT_EQ(parts.ranges[1], (Range{64 + 16 + 8, 8}));
    EXPECT_EQ(parts.ranges[2], (Range{64 + 16 + 16, 1}));
    EXPECT_FALSE(UImageParts::read(image, Bytes(file).first(file.size() - 1)));
}

TEST(UImageFiles, a_table_that_is_wrong) {
    auto read = [](const Octets& data) {
        Octets file = Wrapped{.type = 4}.around(data);
        auto parts = UImageParts::read(VIREO_MUST(UImage::read(file)), file);
        return parts ? "" : text_of(parts.error());
    };
    Octets table;
    EXPECT_EQ(read(table), "the table of its parts does not end");
    append(table, Be<u32>(4));
    EXPECT_EQ(read(table), "the table of its parts does not end");
    append(table, Be<u32>(0));
    EXPECT_EQ(read(table), "part 0 reaches beyond its end");
    table.resize(table.size() + 3);
    EXPECT_EQ(read(table), "part 0 reaches beyond its end");
    table.resize(table.size() + 1);
    EXPECT_EQ(read(table), "");
    EXPECT_EQ(read(Octets(4)), "it has no parts");
    Octets huge;
    append(huge, Be<u32>(0xffffffff));
    append(huge, Be<u32>(0xffffffff));
    append(huge, Be<u32>(0));
    EXPECT_EQ(read(huge), "part 0 reaches beyond its end");

    std::vector<Octets> files(UImageParts::most, filled(4));
    Octets most = Wrapped{}.around_all(files);
    EXPECT_TRUE(UImageParts::read(VIREO_MUST(UImage::read(most)), most));
    files.push_back(filled(4));
    most = Wrapped{}.around_all(files);
    EXPECT_EQ(text_of(UImageParts::read(VIREO_MUST(UImage::read(most)), most).error()), "more than 8 parts");
}

TEST(EfiZboot, where_the_kernel_lies) {
    Octets file = in_zboot(filled(100));
    EXPECT_EQ(VIREO_MUST(boot::packed_in_zboot(file)), (Range{4096, 100}));
    EXPECT_FALSE(boot::packed_in_zboot(Bytes(file).first(55)));
    EXPECT_TRUE(boot::packed_in_zboot(Bytes(file).first(56)));
    EXPECT_FALSE(boot::packed_in_zboot(in_zboot({})));
    EXPECT_TRUE(boot::packed_in_zboot(in_zboot(filled(1), 56)));
    EXPECT_FALSE(boot::packed_in_zboot(in_zboot(filled(1), 55)));
}

} // namespace
} // namespace vireo::test
