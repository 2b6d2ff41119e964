// SPDX-License-Identifier: Apache-2.0
#include "boot/acpi/smbios.h"

#include "unit/support/complaints.h"
#include "unit/support/error_text.h"
#include "unit/support/table_host.h"

namespace vireo::test {
namespace {

using namespace std::literals;

constexpr u64 structures_address = 0xf0000;
constexpr u64 anchor_address = 0xf1000;

std::string structure(u8 type, std::string_view strings, u16 handle = 0x100) {
    std::string text(8, '\0');
    put(text, 0, type, 1);
    put(text, 1, text.size(), 1);
    put(text, 2, handle, 2);
    text += strings;
    text += strings.empty() ? "\0\0"sv : "\0"sv;
    return text;
}

// What QEMU's entry point of 31 bytes says: sums are wrong and the address is 0.
std::string anchor_32(const std::string& structures, u16 count) {
    std::string text(31, '\0');
    text.replace(0, 4, "_SM_");
    put(text, 5, 31, 1);
    put(text, 6, 0x0802, 2);
    put(text, 8, 20, 2);
    text.replace(16, 5, "_DMI_");
    put(text, 22, structures.size(), 2);
    put(text, 28, count, 2);
    return text;
}

std::string anchor_64(const std::string& structures) {
    std::string text(24, '\0');
    text.replace(0, 5, "_SM3_");
    put(text, 6, 24, 1);
    put(text, 12, structures.size(), 4);
    return text;
}

class Smbios : public testing::Test {
  protected:
    Result<u64> load(std::string anchor, std::string structures, std::string_view version = "2026.12") {
        host.files.clear();
        host.allocated.clear();
        host.next_segment = structures_address;
        host.add("etc/smbios/smbios-anchor", std::move(anchor));
        host.add("etc/smbios/smbios-tables", std::move(structures));
        return boot::load_smbios(host, version);
    }
    void refused(std::string anchor, std::string structures) {
        auto result = load(std::move(anchor), std::move(structures));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::Corrupt);
    }

    Complaints complaints;
    ScriptedTableHost host;
    std::string system = structure(1, "QEMU\0Standard PC\0"s);
    std::string end = structure(127, "");
    std::string firmware = structure(0, "SeaBIOS\0"s, 0);
};

TEST_F(Smbios, the_entry_point_of_32_bits_is_completed) {
    std::string structures = firmware + system + end;
    auto address = load(anchor_32(structures, 3), structures);
    ASSERT_TRUE(address);
    EXPECT_EQ(*address, anchor_address);
    std::string anchor = host.contents(anchor_address);
    EXPECT_EQ(sum(anchor), 0);
    EXPECT_EQ(sum(anchor.substr(16)), 0);
    EXPECT_EQ(get(anchor, 24, 4), structures_address);
    EXPECT_EQ(get(anchor, 22, 2), structures.size());
    EXPECT_EQ(get(anchor, 28, 2), 3u);
    EXPECT_EQ(host.contents(structures_address).substr(0, structures.size()), structures);
}

TEST_F(Smbios, the_entry_point_of_64_bits_is_completed) {
    std::string structures = firmware + system + end;
    ASSERT_TRUE(load(anchor_64(structures), structures));
    std::string anchor = host.contents(anchor_address);
    EXPECT_EQ(sum(anchor), 0);
    EXPECT_EQ(get(anchor, 16, 8), structures_address);
    EXPECT_EQ(get(anchor, 12, 4), structures.size());
}

TEST_F(Smbios, firmware_says_who_it_is_where_the_host_did_not) {
    std::string structures = system + end;
    std::string own_strings = "Vireo\0"s + "2026.12\0\0"s;
    ASSERT_TRUE(load(anchor_32(structures, 2), structures));
    std::string anchor = host.contents(anchor_address);
    std::string placed = host.contents(structures_address);
    usize own = 24 + own_strings.size();
    EXPECT_EQ(placed.size(), own + structures.size());
    EXPECT_EQ(placed.substr(0, 6), "\0\x18\0\0\1\2"s);
    EXPECT_EQ(placed.substr(24), own_strings + structures);
    EXPECT_EQ(get(anchor, 22, 2), placed.size());
    EXPECT_EQ(get(anchor, 28, 2), 3u);
    EXPECT_EQ(get(anchor, 8, 2), own) << "the largest structure is that of ours";
    EXPECT_EQ(sum(anchor), 0);

    ASSERT_TRUE(load(anchor_64(structures), structures));
    EXPECT_EQ(get(host.contents(anchor_address), 12, 4), placed.size());
}

TEST_F(Smbios, a_version_too_long_is_cut) {
    std::string structures = system + end;
    ASSERT_TRUE(load(anchor_64(structures), structures, std::string(500, 'v')));
    std::string placed = host.contents(structures_address);
    EXPECT_EQ(placed.size(), 96 + structures.size());
    EXPECT_EQ(placed.substr(94, 4), "\0\0\1\x8"s);
}

TEST_F(Smbios, nothing_is_added_where_the_entry_point_cannot_say_so) {
    usize own = 24 + 6 + 9;
    for (usize bytes : {0xffff - own, 0xffff - own + 1}) {
        std::string structures = system;
        structures.resize(bytes, 'x');
        ASSERT_TRUE(load(anchor_32(structures, 1), structures));
        EXPECT_EQ(get(host.contents(anchor_address), 22, 2), bytes == 0xffff - own ? 0xffff : bytes);
    }
}

TEST_F(Smbios, structures_that_make_no_sense_are_passed_on) {
    for (std::string structures : {"\1\3\0\0\0\0"s, "\1"s, "\1\xff\0\0"s, "\1\4\0\1no end"s, "\1\4\0\1\0"s}) {
        ASSERT_TRUE(load(anchor_64(structures), structures)) << structures.size();
        EXPECT_TRUE(host.contents(structures_address).ends_with(structures));
    }
}

TEST_F(Smbios, what_follows_the_end_is_no_structure) {
    std::string structures = end + firmware;
    ASSERT_TRUE(load(anchor_64(structures), structures));
    EXPECT_GT(get(host.contents(anchor_address), 12, 4), structures.size());
}

TEST_F(Smbios, an_entry_point_that_contradicts_its_structures_is_refused) {
    std::string structures = system + end;
    refused(anchor_32(structures + "x", 2), structures);
    refused(anchor_64(structures + "x"), structures);
    refused(anchor_32("", 0), structures);
    refused(anchor_64(""), structures);
    std::string huge = anchor_64(structures);
    put(huge, 12, ~0u, 4);
    refused(huge, structures);
    EXPECT_TRUE(host.allocated.empty());
}

TEST_F(Smbios, an_entry_point_that_is_none_is_refused) {
    std::string structures = system + end;
    std::string anchor = anchor_64(structures);
    refused(anchor.substr(0, 23), structures);
    refused(anchor + "x", structures);
    refused("", structures);
    refused("_sm3_" + anchor.substr(5), structures);
    put(anchor, 6, 23, 1);
    refused(anchor, structures);
    std::string other = anchor_32(structures, 2);
    refused(other.substr(0, 30), structures);
    put(other, 5, 30, 1);
    refused(other, structures);
}

TEST_F(Smbios, a_host_without_it) {
    EXPECT_EQ(boot::load_smbios(host, "").error().code, ErrorCode::NotFound);
}

} // namespace
} // namespace vireo::test
