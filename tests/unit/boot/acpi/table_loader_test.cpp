// SPDX-License-Identifier: Apache-2.0
#include "boot/acpi/table_loader.h"

#include "unit/support/complaints.h"
#include "unit/support/error_text.h"
#include "unit/support/table_host.h"

namespace vireo::test {
namespace {

using namespace std::literals;

constexpr u64 tables_address = 0x7ff00000;
constexpr u64 root_address = 0xf0000;

// A root pointer of 20 bytes, and 256 bytes of tables, with the script of a small machine.
class TableLoader : public testing::Test {
  protected:
    TableLoader() {
        std::string root(20, '\0');
        root.replace(0, 8, "RSD PTR ");
        put(root, 16, 0x40, 4);
        host.add("etc/acpi/rsdp", root);
        std::string tables(256, '\0');
        for (usize i = 0; i < tables.size(); ++i)
            tables[i] = static_cast<char>(i);
        host.add("etc/acpi/tables", tables);
        host.add("etc/vmgenid_addr", std::string(8, '\0'));
    }

    Result<u64> run(std::initializer_list<std::string> more, bool with_root = true) {
        std::erase_if(host.files, [](const auto& file) { return file.first == "etc/table-loader"; });
        host.allocated.clear();
        host.next_high = high;
        host.next_segment = root_address;
        std::string script = entry::allocate("etc/acpi/rsdp", 16, 2) + entry::allocate("etc/acpi/tables");
        for (const std::string& one : more)
            script += one;
        if (with_root)
            script += entry::add_checksum("etc/acpi/rsdp", 8, 0, 20);
        host.add("etc/table-loader", script);
        return boot::load_tables(host);
    }
    // Of the entry that is the third one.
    void refused(const std::string& bad, std::string_view why) {
        auto result = run({bad});
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::Corrupt);
        EXPECT_EQ(text_of(result.error()), "table loader, entry 2: "s + std::string(why));
    }
    std::string tables() const { return host.contents(high); }

    Complaints complaints;
    ScriptedTableHost host;
    u64 high = tables_address; // where the first allocation goes
};

TEST_F(TableLoader, files_are_placed_and_the_root_pointer_found) {
    auto root = run({});
    ASSERT_TRUE(root);
    EXPECT_EQ(*root, root_address);
    EXPECT_EQ(tables(), host.files[1].second);
    EXPECT_EQ(sum(host.contents(root_address)), 0);
    EXPECT_EQ(complaints.log(), "");
}

TEST_F(TableLoader, pointers_of_each_width_get_the_address_of_their_target) {
    put(host.files[1].second, 0, 255, 8); // the last byte that can be pointed to
    ASSERT_TRUE(run({entry::add_pointer("etc/acpi/tables", "etc/acpi/tables", 0, 8),
                     entry::add_pointer("etc/acpi/rsdp", "etc/acpi/tables", 16, 4)}));
    EXPECT_EQ(get(tables(), 0, 8), tables_address + 255);
    EXPECT_EQ(get(host.contents(root_address), 16, 4), tables_address + 0x40) << "up to the file's last byte";
    for (u8 bytes : {0, 3, 5, 7, 9, 16, 255})
        refused(entry::add_pointer("etc/acpi/tables", "etc/acpi/tables", 0, bytes), "place of a pointer");
}

TEST_F(TableLoader, a_pointer_too_small_for_its_address_is_refused) {
    high = 0xff00;
    put(host.files[1].second, 0, 0xff, 2);
    ASSERT_TRUE(run({entry::add_pointer("etc/acpi/tables", "etc/acpi/tables", 0, 2)}));
    EXPECT_EQ(get(tables(), 0, 2), 0xffffu);
    high = 0xff01;
    refused(entry::add_pointer("etc/acpi/tables", "etc/acpi/tables", 0, 2),
            "a pointer too small for its address");
    high = tables_address;
    refused(entry::add_pointer("etc/acpi/tables", "etc/acpi/tables", 0, 1),
            "a pointer too small for its address");
}

TEST_F(TableLoader, pointers_stay_in_their_files) {
    refused(entry::add_pointer("etc/acpi/tables", "etc/acpi/tables", 253, 4), "place of a pointer");
    refused(entry::add_pointer("etc/acpi/tables", "etc/acpi/tables", 256, 1), "place of a pointer");
    refused(entry::add_pointer("etc/acpi/tables", "etc/acpi/tables", 0xffff'ffff, 8), "place of a pointer");
    put(host.files[1].second, 0, 256, 4);
    refused(entry::add_pointer("etc/acpi/tables", "etc/acpi/tables", 0, 4), "a pointer beyond its file");
    put(host.files[1].second, 0, ~u64{0}, 8);
    refused(entry::add_pointer("etc/acpi/tables", "etc/acpi/tables", 0, 8), "a pointer beyond its file");
}

TEST_F(TableLoader, a_checksum_makes_its_range_0) {
    put(host.files[1].second, 9, 0, 1);
    ASSERT_TRUE(run({entry::add_checksum("etc/acpi/tables", 9, 8, 248)}));
    EXPECT_EQ(sum(tables().substr(8)), 0) << "up to the file's last byte";
    EXPECT_EQ(tables()[8], 8);
}

TEST_F(TableLoader, a_checksum_may_lie_outside_its_range_and_the_range_be_empty) {
    ASSERT_TRUE(run({entry::add_checksum("etc/acpi/tables", 255, 0, 3),
                     entry::add_checksum("etc/acpi/tables", 254, 256, 0)}));
    EXPECT_EQ(static_cast<u8>(tables()[255]), 255 - 3);
    EXPECT_EQ(static_cast<u8>(tables()[254]), 254);
}

TEST_F(TableLoader, checksums_stay_in_their_files) {
    constexpr u32 bad[][3] = {{256, 0, 1}, {~0u, 0, 1}, {0, 0, 257}, {0, 255, 2},
                              {0, 257, 0}, {0, ~0u, 2}, {0, 1, ~0u}};
    for (auto [offset, start, bytes] : bad)
        refused(entry::add_checksum("etc/acpi/tables", offset, start, bytes), "range of a checksum");
}

TEST_F(TableLoader, addresses_are_given_to_the_host) {
    ASSERT_TRUE(run({entry::write_pointer("etc/vmgenid_addr", "etc/acpi/tables", 0, 255, 4),
                     entry::write_pointer("etc/vmgenid_addr", "etc/acpi/tables", 4, 0, 4)}));
    EXPECT_EQ(host.writes, "etc/vmgenid_addr@0 etc/vmgenid_addr@4 ");
    EXPECT_EQ(get(host.files[2].second, 0, 4), tables_address + 255);
    EXPECT_EQ(get(host.files[2].second, 4, 4), tables_address);
}

TEST_F(TableLoader, addresses_for_the_host_stay_in_their_files) {
    auto pointer = [](u32 offset, u32 target_offset, u8 bytes) {
        return entry::write_pointer("etc/vmgenid_addr", "etc/acpi/tables", offset, target_offset, bytes);
    };
    refused(pointer(1, 0, 8), "place of a pointer");
    refused(pointer(0xffff'ffff, 0, 4), "place of a pointer");
    refused(pointer(0, 0, 3), "place of a pointer");
    refused(pointer(0, 256, 8), "a pointer beyond its file");
    refused(pointer(0, 0xffff'ffff, 8), "a pointer beyond its file");
    refused(pointer(0, 0, 2), "a pointer too small for its address");
    EXPECT_EQ(host.writes, "");
}

TEST_F(TableLoader, the_host_is_told_nothing_by_a_script_that_fails) {
    auto result = run({entry::write_pointer("etc/vmgenid_addr", "etc/acpi/tables", 0, 0, 8),
                       entry::add_checksum("etc/acpi/tables", 256, 0, 1)});
    EXPECT_FALSE(result);
    EXPECT_EQ(host.writes, "");
}

TEST_F(TableLoader, a_host_that_takes_no_address_is_named_and_the_tables_stand) {
    host.write_result = error(ErrorCode::NotSupported, "fw_cfg without DMA is read-only");
    EXPECT_TRUE(run({entry::write_pointer("etc/vmgenid_addr", "etc/acpi/tables", 0, 0, 8)}));
    EXPECT_NE(complaints.log().find("etc/table-loader, entry 2: "), std::string::npos) << complaints.log();
}

TEST_F(TableLoader, unknown_commands_are_left_out_with_one_warning) {
    EXPECT_TRUE(run({entry::of(5, {"x"}), entry::of(~0u, {}), entry::of(0, {"padding"})}));
    EXPECT_NE(complaints.log().find("2 commands of an unknown kind"), std::string::npos) << complaints.log();
}

TEST_F(TableLoader, what_is_allocated_makes_sense) {
    host.add("empty", "");
    refused(entry::allocate("etc/acpi/tables"), "a file that was allocated already");
    refused(entry::allocate("etc/vmgenid_addr", 0), "alignment");
    refused(entry::allocate("etc/vmgenid_addr", 3), "alignment");
    refused(entry::allocate("etc/vmgenid_addr", 0x8000'0001), "alignment");
    refused(entry::allocate("etc/vmgenid_addr", 64, 0), "zone");
    refused(entry::allocate("etc/vmgenid_addr", 64, 3), "zone");
    refused(entry::allocate("empty"), "an empty file");
    refused(entry::allocate(""), "name of the file");
    std::string endless = entry::allocate("");
    endless.replace(4, 56, std::string(56, 'a'));
    refused(endless, "name of the file");
    EXPECT_TRUE(run({entry::allocate("etc/vmgenid_addr", 0x8000'0000)}));
}

TEST_F(TableLoader, names_of_55_bytes_are_whole) {
    std::string name(55, 'n');
    host.add(name, "contents");
    EXPECT_TRUE(run({entry::allocate(name)}));
    EXPECT_EQ(host.contents(tables_address + 0x1000), "contents");
}

TEST_F(TableLoader, files_that_were_not_allocated_are_refused) {
    constexpr std::string_view why = "a file that was not allocated";
    refused(entry::add_pointer("etc/vmgenid_addr", "etc/acpi/tables", 0, 8), why);
    refused(entry::add_pointer("etc/acpi/tables", "etc/vmgenid_addr", 0, 8), why);
    refused(entry::add_checksum("etc/vmgenid_addr", 0, 0, 1), why);
    refused(entry::write_pointer("etc/vmgenid_addr", "etc/vmgenid_addr", 0, 0, 8), why);
    std::string endless = entry::add_checksum("", 0, 0, 1);
    endless.replace(4, 56, std::string(56, 'a'));
    refused(endless, why);
}

TEST_F(TableLoader, files_that_the_host_does_not_have) {
    auto result = run({entry::allocate("etc/absent")});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Corrupt) << "no machine without ACPI";
    EXPECT_EQ(text_of(result.error()), "table loader, entry 2: a file that the host does not have");
    refused(entry::write_pointer("etc/absent", "etc/acpi/tables", 0, 0, 8),
            "a file that the host does not have");
}

TEST_F(TableLoader, as_many_files_as_there_is_room_for_and_one_more) {
    std::string script;
    for (usize i = 2; i < boot::most_table_files; ++i) {
        host.add("file" + std::to_string(i), "x");
        script += entry::allocate("file" + std::to_string(i));
    }
    EXPECT_TRUE(run({script}));
    host.add("one more", "x");
    auto result = run({script + entry::allocate("one more")});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::TooLarge);
}

TEST_F(TableLoader, as_many_commands_as_are_read_and_one_more) {
    std::string padding(128 * (boot::most_table_commands - 3), '\0');
    EXPECT_TRUE(run({padding}));
    auto result = run({padding + std::string(128, '\0')});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::TooLarge);
}

TEST_F(TableLoader, a_script_that_ends_within_a_command_is_refused) {
    for (usize bytes : {1, 127}) {
        auto result = run({std::string(bytes, '\0')});
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::Corrupt);
    }
}

TEST_F(TableLoader, no_script_is_no_acpi) {
    EXPECT_EQ(boot::load_tables(host).error().code, ErrorCode::NotFound);
    EXPECT_TRUE(host.allocated.empty());
}

TEST_F(TableLoader, tables_without_a_root_pointer_are_refused) {
    auto result = run({}, false); // its checksum is wrong
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::Corrupt);
    host.files[0].second.resize(19);
    EXPECT_FALSE(run({}, false)) << "too short";
}

TEST_F(TableLoader, without_memory_there_is_an_error) {
    host.room = 20 + 255;
    auto result = run({});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::NoMemory);
}

} // namespace
} // namespace vireo::test
