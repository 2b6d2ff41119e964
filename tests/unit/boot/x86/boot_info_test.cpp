// SPDX-License-Identifier: Apache-2.0
// What PVH and Multiboot kernels are told, read as they read it.
#include "boot/x86/multiboot_info.h"
#include "boot/x86/start_info.h"
#include "unit/support/error_text.h"

#include <gtest/gtest.h>
#include <string>

namespace vireo::test {
namespace {

using boot::AddressRange;
using boot::BootFacts;

constexpr u64 place = 0x7f0000;
constexpr u64 MiB = 1 << 20;

class BootInfo : public testing::Test {
  protected:
    using Write = Result<usize>(const BootFacts&, u64, MutableBytes);
    void write(Write& how) {
        written.assign(room, std::byte{0xee});
        auto used = how(facts, place, written);
        ASSERT_TRUE(used) << text_of(used.error());
        ASSERT_LE(*used, room);
        written.resize(*used);
    }
    template <typename T = u32> T number(u64 address) const {
        auto value = read_struct<Le<T>>(written, static_cast<usize>(address - place));
        EXPECT_TRUE(value);
        return value.value_or(0);
    }
    std::string text(u64 address) const {
        std::string all(reinterpret_cast<const char*>(written.data()), written.size());
        EXPECT_LT(address - place, all.size());
        return all.substr(address - place, all.find('\0', address - place) - (address - place));
    }
    // The content of the first tag of that kind, behind its size; empty: there is none.
    std::vector<std::byte> tag(u32 kind) const {
        for (u64 at = place + 8; at < place + written.size(); at += align_up<u64>(number(at + 4), 8)) {
            EXPECT_GE(number(at + 4), 8u);
            if (number(at) == kind)
                return {written.begin() + static_cast<std::ptrdiff_t>(at + 8 - place),
                        written.begin() + static_cast<std::ptrdiff_t>(at + number(at + 4) - place)};
            if (number(at) == 0)
                break;
        }
        return {};
    }

    std::vector<AddressRange> map{
        {0, 0x9fc00, 1}, {0x9fc00, 0x60400, 2}, {MiB, 127 * MiB, 1}, {0x100000000, MiB, 1}};
    std::array<std::byte, 36> root{};
    usize room = BootFacts::most_bytes + 4096;
    BootFacts facts{.kernel = 0x200000,
                    .initrd = Range{0x3000000, 0x1234},
                    .command_line = "console=com1 x",
                    .address_map = map,
                    .acpi_root = 0xf5a40,
                    .root_bytes = root};
    std::vector<std::byte> written;
};

TEST_F(BootInfo, start_info) {
    write(boot::write_start_info);
    EXPECT_EQ(number(place), 0x336ec578u);
    EXPECT_EQ(number(place + 4), 1u);
    EXPECT_EQ(number(place + 12), 1u);
    u64 module = number<u64>(place + 16);
    EXPECT_EQ(number<u64>(module), 0x3000000u);
    EXPECT_EQ(number<u64>(module + 8), 0x1234u);
    EXPECT_EQ(number<u64>(module + 16), 0u);
    EXPECT_EQ(text(number<u64>(place + 24)), "console=com1 x");
    EXPECT_EQ(number<u64>(place + 32), 0xf5a40u);
    EXPECT_EQ(number(place + 48), 4u);
    u64 third = number<u64>(place + 40) + 48;
    EXPECT_EQ(number<u64>(third), MiB);
    EXPECT_EQ(number<u64>(third + 8), 127 * MiB);
    EXPECT_EQ(number(third + 16), 1u);
    facts.initrd.reset();
    write(boot::write_start_info);
    EXPECT_EQ(number(place + 12), 0u);
    EXPECT_EQ(number<u64>(place + 16), 0u);
}

TEST_F(BootInfo, multiboot) {
    write(boot::write_multiboot_info);
    EXPECT_EQ(number(place), 0x24du);
    EXPECT_EQ(number(place + 4), 639u);
    EXPECT_EQ(number(place + 8), 127u * 1024);
    EXPECT_EQ(text(number(place + 16)), "console=com1 x");
    EXPECT_EQ(number(place + 20), 1u);
    u64 module = number(place + 24);
    EXPECT_EQ(number(module), 0x3000000u);
    EXPECT_EQ(number(module + 4), 0x3001234u);
    EXPECT_EQ(text(number(module + 8)), "");
    EXPECT_EQ(number(place + 44), 4u * 24);
    u64 second = number(place + 48) + 24;
    EXPECT_EQ(number(second), 20u);
    EXPECT_EQ(number<u64>(second + 4), 0x9fc00u);
    EXPECT_EQ(number(second + 20), 2u);
    EXPECT_EQ(text(number(place + 64)), "Vireo");
    facts.initrd.reset();
    write(boot::write_multiboot_info);
    EXPECT_EQ(number(place), 0x245u);
    EXPECT_EQ(number(place + 20), 0u);
}

TEST_F(BootInfo, multiboot2) {
    write(boot::write_multiboot2_info);
    EXPECT_EQ(number(place), written.size());
    EXPECT_EQ(number(place + written.size() - 8), 0u);
    EXPECT_EQ(number(place + written.size() - 4), 8u);
    EXPECT_EQ(tag(1).size(), sizeof("console=com1 x"));
    EXPECT_EQ(tag(2).size(), sizeof("Vireo"));
    EXPECT_EQ(*read_struct<Le<u32>>(tag(3)), 0x3000000u);
    EXPECT_EQ(*read_struct<Le<u32>>(tag(3), 4), 0x3001234u);
    EXPECT_EQ(tag(3).size(), 9u);
    EXPECT_EQ(*read_struct<Le<u32>>(tag(4), 4), 127u * 1024);
    EXPECT_EQ(tag(6).size(), 8u + 4 * 24);
    EXPECT_EQ(*read_struct<Le<u32>>(tag(6)), 24u);
    EXPECT_EQ(*read_struct<Le<u64>>(tag(6), 8 + 24), 0x9fc00u);
    EXPECT_EQ(*read_struct<Le<u32>>(tag(21)), 0x200000u);
    EXPECT_EQ(tag(15).size(), 36u);
    EXPECT_TRUE(tag(14).empty());
    facts.root_bytes = Bytes(root).first(20);
    facts.initrd.reset();
    write(boot::write_multiboot2_info);
    EXPECT_EQ(tag(14).size(), 20u);
    EXPECT_TRUE(tag(15).empty());
    EXPECT_TRUE(tag(3).empty());
    facts.root_bytes = {};
    write(boot::write_multiboot2_info);
    EXPECT_TRUE(tag(14).empty());
}

TEST_F(BootInfo, what_ram_begins_at_0_and_at_1_mib) {
    auto kib = [&] {
        write(boot::write_multiboot_info);
        return std::pair(number(place + 4), number(place + 8));
    };
    map = {{0, 8 * MiB, 1}}; // no gap: as far as it can be the lower
    facts.address_map = map;
    EXPECT_EQ(kib(), std::pair(640u, 7u * 1024));
    map = {{0x1000, 0x9e000, 1}, {MiB + 1, MiB, 1}};
    facts.address_map = map;
    EXPECT_EQ(kib(), std::pair(0u, 0u));
    map = {{MiB, MiB, 2}};
    facts.address_map = map;
    EXPECT_EQ(kib(), std::pair(0u, 0u));
    map = {{MiB, u64{1} << 50, 1}};
    facts.address_map = map;
    EXPECT_EQ(kib(), std::pair(0u, ~0u));
}

TEST_F(BootInfo, the_largest_map_and_the_longest_line_fit) {
    map.assign(128, {MiB, MiB, 1});
    facts.address_map = map;
    std::string line(4096, 'x');
    facts.command_line = line;
    for (Write* how : {boot::write_start_info, boot::write_multiboot_info, boot::write_multiboot2_info}) {
        room = BootFacts::most_bytes + 4096;
        write(*how);
        room = align_up(written.size(), 8) - 8;
        written.assign(room, {});
        EXPECT_EQ(how(facts, place, written).error().code, ErrorCode::TooLarge);
    }
}

TEST_F(BootInfo, lines_of_every_length_end) {
    std::string line;
    for (usize length = 0; length < 17; ++length, line += 'x') {
        facts.command_line = line;
        write(boot::write_start_info);
        EXPECT_EQ(text(number<u64>(place + 24)), line);
        write(boot::write_multiboot_info);
        EXPECT_EQ(text(number(place + 16)), line);
        write(boot::write_multiboot2_info);
        EXPECT_EQ(tag(1).size(), length + 1);
    }
}

} // namespace
} // namespace vireo::test
