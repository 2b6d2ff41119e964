// SPDX-License-Identifier: Apache-2.0
#include "boot/x86/boot_params.h"

#include "unit/support/error_text.h"
#include "unit/support/x86_image.h"

#include <gtest/gtest.h>
#include <string>

namespace vireo::test {
namespace {

using boot::AddressRange;
using boot::BootParams;
using boot::BootParamsPage;

constexpr u64 place = 0x7f00000;

class BootParamsTest : public testing::Test {
  protected:
    void write() {
        written.assign(params.bytes(), std::byte{0xee});
        Result<> done = params.write(place, written);
        ASSERT_TRUE(done) << text_of(done.error());
        page = *read_struct<BootParamsPage>(written);
    }
    // What lies at an address.
    std::string at(u64 address, usize bytes) const {
        EXPECT_TRUE(range_fits(address - place, bytes, written.size()));
        return {reinterpret_cast<const char*>(&written[address - place]), bytes};
    }
    template <typename T> T number_at(u64 address) const {
        return *read_struct<Le<T>>(written, static_cast<usize>(address - place));
    }

    std::vector<std::byte> file = X86Image{}.bytes();
    BootParams params{.file = file, .kernel = 0x1005000};
    std::vector<std::byte> written;
    BootParamsPage page{};
};

TEST_F(BootParamsTest, the_header_is_the_file_s_and_says_who_loaded_it_where) {
    write();
    EXPECT_EQ(written.size(), 4096u + 8);
    EXPECT_EQ(page.header.boot_flag, 0xaa55u);
    EXPECT_EQ(page.header.protocol, 0x20fu);
    EXPECT_EQ(page.header.memory_bytes, 0x3378000u);
    EXPECT_EQ(page.header.loader_type, 0xff);
    EXPECT_EQ(page.header.code32_start, 0x1005000u);
    EXPECT_EQ(page.header.setup_data, 0u);
    EXPECT_EQ(page.acpi_root, 0u);
    EXPECT_EQ(page.address_ranges, 0u);
    EXPECT_EQ(std::to_integer<int>(written[0x1ef]), 0);
}

TEST_F(BootParamsTest, nothing_before_the_header_or_behind_it_is_taken_from_the_file) {
    std::ranges::fill(file, std::byte{0xcc});
    std::ranges::copy(Bytes(X86Image{}.bytes()).subspan(0x1f1, 0x26c - 0x1f1), file.begin() + 0x1f1);
    write();
    EXPECT_TRUE(
        std::all_of(written.begin(), written.begin() + 0x1f1, [](std::byte b) { return b == std::byte{0}; }));
    EXPECT_TRUE(
        std::all_of(written.begin() + 0x26c, written.end(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST_F(BootParamsTest, a_later_header_is_taken_to_its_end_and_no_further_than_there_is_room) {
    X86Image longer{.header_end = 0x7e}; // ends at 0x280
    file = longer.bytes();
    params.file = file;
    std::fill(file.begin() + 0x26c, file.end(), std::byte{0x77});
    write();
    EXPECT_EQ(std::to_integer<int>(written[0x27f]), 0x77);
    EXPECT_EQ(std::to_integer<int>(written[0x280]), 0);
    longer.header_end = 0xff;
    std::ranges::copy(Bytes(longer.bytes()).first(0x26c), file.begin());
    write();
    EXPECT_EQ(std::to_integer<int>(written[0x28f]), 0x77);
    EXPECT_EQ(std::to_integer<int>(written[0x290]), 0);
}

TEST_F(BootParamsTest, the_command_line_ends_with_a_0_and_is_as_long_as_the_kernel_takes) {
    std::string line(2047, 'x');
    params.command_line = line;
    write();
    EXPECT_EQ(page.header.command_line_address, place + 4096);
    EXPECT_EQ(page.command_line_address_high, 0u);
    EXPECT_EQ(at(place + 4096, 2048), line + '\0');
    line += 'x';
    params.command_line = line;
    Result<> done = params.write(place, written);
    ASSERT_FALSE(done);
    EXPECT_EQ(text_of(done.error()), "the command line: this kernel takes 2047 characters");
    line = std::string("a\0b", 3);
    params.command_line = line;
    EXPECT_EQ(params.write(place, written).error().code, ErrorCode::InvalidArgument);
}

TEST_F(BootParamsTest, an_initrd_above_4_gib) {
    params.initrd = Range{0x1'2345'6000, 0x2'0000'0001};
    write();
    EXPECT_EQ(page.header.ramdisk_address, 0x23456000u);
    EXPECT_EQ(page.ramdisk_address_high, 1u);
    EXPECT_EQ(page.header.ramdisk_bytes, 1u);
    EXPECT_EQ(page.ramdisk_bytes_high, 2u);
}

TEST_F(BootParamsTest, the_acpi_root) {
    params.acpi_root = 0x1'07fe'0014;
    write();
    EXPECT_EQ(page.acpi_root, params.acpi_root);
    EXPECT_EQ(number_at<u64>(place + 0x70), params.acpi_root);
}

std::vector<AddressRange> ranges(usize count) {
    std::vector<AddressRange> map;
    for (usize i = 0; i < count; ++i)
        map.push_back({u64{i} << 20, 0x1000, AddressRange::memory});
    return map;
}

TEST_F(BootParamsTest, an_address_map_of_128_ranges_fits_the_page) {
    auto map = ranges(128);
    params.address_map = map;
    write();
    EXPECT_EQ(page.address_ranges, 128u);
    EXPECT_EQ(page.address_map[127].base, u64{127} << 20);
    EXPECT_EQ(page.address_map[127].type, 1u);
    EXPECT_EQ(page.header.setup_data, 0u);
}

TEST_F(BootParamsTest, what_is_more_follows_in_setup_data) {
    auto map = ranges(130);
    params.address_map = map;
    write();
    EXPECT_EQ(page.address_ranges, 128u);
    u64 node = page.header.setup_data;
    EXPECT_EQ(number_at<u64>(node), 0u);
    EXPECT_EQ(number_at<u32>(node + 8), 1u);
    EXPECT_EQ(number_at<u32>(node + 12), 40u);
    EXPECT_EQ(number_at<u64>(node + 16), u64{128} << 20);
    EXPECT_EQ(number_at<u64>(node + 36), u64{129} << 20);
}

TEST_F(BootParamsTest, setup_data_is_a_list_that_goes_on_with_what_was_there) {
    file = X86Image{.setup_data = 0x5555000}.bytes();
    params.file = file;
    auto map = ranges(129);
    params.address_map = map;
    std::array<std::byte, 32> seed;
    seed.fill(std::byte{0x5a});
    params.seed = seed;
    params.command_line = "quiet";
    write();
    u64 first = page.header.setup_data;
    u64 second = number_at<u64>(first);
    EXPECT_EQ(number_at<u32>(first + 8), 1u);
    EXPECT_EQ(number_at<u32>(second + 8), 9u);
    EXPECT_EQ(number_at<u32>(second + 12), 32u);
    EXPECT_EQ(at(second + 16, 32), std::string(32, '\x5a'));
    EXPECT_EQ(number_at<u64>(second), 0x5555000u);
    EXPECT_EQ(at(place + 4096, 6), std::string("quiet\0", 6));
}

} // namespace
} // namespace vireo::test
