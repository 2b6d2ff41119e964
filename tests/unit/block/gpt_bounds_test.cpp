// SPDX-License-Identifier: Apache-2.0
#include "unit/block/tables.h"

namespace vireo::block {
namespace {

// A GPT that is written by hand: the header in block 1, four entries in block 2, on a disk of 64 blocks, with
// no backup unless a test makes one. Each number at its limit is believed, one beyond is refused.
class GptBounds : public testing::Test {
  protected:
    void SetUp() override { put_record(disk_, 0, {{0xee, 1, 63}}); }
    static wire::GptHeader make_header(u64 block) {
        wire::GptHeader header{};
        std::memcpy(header.signature, "EFI PART", 8);
        header.revision = 0x10000;
        header.header_bytes = 92;
        header.my_block = block;
        header.alternate_block = 63;
        header.first_usable_block = 3;
        header.last_usable_block = 63;
        header.entries_block = 2;
        header.entry_count = 4;
        header.entry_bytes = 128;
        return header;
    }
    void put_entry(u64 place, u64 first, u64 last) {
        wire::GptEntry entry{};
        entry.type_guid[0] = 1;
        entry.first_block = first;
        entry.last_block = last;
        disk_.put(place, std::as_bytes(std::span(&entry, 1)));
    }
    // Writes the header with the checksums that its sizes call for, as far as the disk reaches.
    void put_header(u64 block, wire::GptHeader header) {
        u64 place = std::min<u64>(header.entries_block * 512, disk_.bytes().size());
        u64 bytes = u64{header.entry_count} * header.entry_bytes;
        header.entries_crc =
            crc32(Bytes(disk_.bytes()).subspan(place, std::min(bytes, disk_.bytes().size() - place)));
        header.header_crc = 0;
        disk_.put(block * 512, std::as_bytes(std::span(&header, 1)));
        u64 covered = std::min<u64>(header.header_bytes, disk_.bytes().size() - block * 512);
        header.header_crc = crc32(Bytes(disk_.bytes()).subspan(block * 512, covered));
        disk_.put(block * 512, std::as_bytes(std::span(&header, 1)));
    }
    // What is found after a change of the header.
    std::string with(auto&& change, u64 block = 1) {
        wire::GptHeader header = make_header(block);
        change(header);
        put_header(block, header);
        return found(disk_, TableType::Gpt, &noted_);
    }

    TestDisk disk_{u64{64} * 512};
    std::string noted_;
};

TEST_F(GptBounds, header_fits_its_block) {
    const char* refused = "error: GPT: header size";
    EXPECT_EQ(with([](auto& header) { header.header_bytes = 91; }), refused);
    EXPECT_EQ(with([](auto& header) { header.header_bytes = 92; }), "");
    EXPECT_EQ(with([](auto& header) { header.header_bytes = 512; }), "");
    EXPECT_EQ(with([](auto& header) { header.header_bytes = 513; }), refused);
}

TEST_F(GptBounds, header_is_of_the_first_revision_and_says_its_place) {
    EXPECT_EQ(with([](auto& header) { header.revision = 0x1ffff; }), "");
    for (u32 revision : {0xffffu, 0x20000u})
        EXPECT_EQ(with([&](auto& header) { header.revision = revision; }), "error: GPT: revision");
    for (u64 block : {u64{0}, u64{2}, u64{1} << 32 | 1})
        EXPECT_EQ(with([&](auto& header) { header.my_block = block; }),
                  "error: GPT: header is not where it says it is");
}

TEST_F(GptBounds, entries_have_128_to_4096_bytes) {
    auto with_size = [&](u32 bytes) {
        return with([&](auto& header) { header.entry_bytes = bytes, header.entry_count = 2; });
    };
    for (u32 bytes : {0u, 64u, 127u, 129u, 192u, 8192u})
        EXPECT_EQ(with_size(bytes), "error: GPT: entry size") << bytes;
    for (u32 bytes : {128u, 256u, 4096u})
        EXPECT_EQ(with_size(bytes), "") << bytes;
}

TEST_F(GptBounds, entries_lie_between_the_header_and_the_end_of_the_disk) {
    const char* refused = "error: GPT: place of the entries";
    auto with_entries = [&](u64 block, u32 count) {
        return with([&](auto& header) { header.entries_block = block, header.entry_count = count; });
    };
    EXPECT_EQ(with_entries(0, 4), refused);
    EXPECT_EQ(with_entries(0, 0), refused);
    EXPECT_EQ(with_entries(1, 4), refused); // the header itself
    EXPECT_EQ(with_entries(2, 4), "");
    EXPECT_EQ(with_entries(63, 4), "");
    EXPECT_EQ(with_entries(63, 5), refused); // a second block
    EXPECT_EQ(with_entries(62, 5), "");
    EXPECT_EQ(with_entries(62, 8), "");
    EXPECT_EQ(with_entries(62, 9), refused);
    EXPECT_EQ(with_entries(64, 4), refused);
    EXPECT_EQ(with_entries(~u64{0}, 4), refused);
}

// The entries of a backup lie before its header, which they must not reach.
TEST_F(GptBounds, entries_of_the_backup_do_not_overlap_its_header) {
    auto with_backup = [&](u64 entries_block, u32 count) {
        for (u64 at = 2; at < 63; ++at)
            std::memset(disk_.bytes().data() + at * 512, 0, 512);
        put_entry(entries_block * 512, 10, 19);
        std::string text = with(
            [&](auto& header) {
                header.entries_block = entries_block;
                header.entry_count = count;
            },
            63);
        return text;
    };
    const std::string primary = "error: GPT: no header signature"; // why the primary cannot be used
    EXPECT_EQ(with_backup(62, 4), "1:10+10");
    EXPECT_EQ(with_backup(62, 5), primary);
    EXPECT_EQ(with_backup(61, 8), "1:10+10");
    EXPECT_EQ(with_backup(61, 9), primary);
    put_entry(0, 10, 19); // the header itself as an entry
    EXPECT_EQ(with([](auto& header) { header.entries_block = 63; }, 63), primary);
}

TEST_F(GptBounds, usable_blocks_lie_on_the_disk) {
    const char* refused = "error: GPT: usable blocks reach beyond the disk";
    auto with_usable = [&](u64 first, u64 last) {
        return with(
            [&](auto& header) { header.first_usable_block = first, header.last_usable_block = last; });
    };
    EXPECT_EQ(with_usable(3, 63), "");
    EXPECT_EQ(with_usable(3, 64), refused);
    EXPECT_EQ(with_usable(63, 63), "");
    EXPECT_EQ(with_usable(63, 62), refused);
}

TEST_F(GptBounds, partitions_end_where_the_disk_does) {
    auto with_range = [&](u64 first, u64 last) {
        put_entry(1024, first, last);
        return with([](auto&) {});
    };
    EXPECT_EQ(with_range(63, 63), "1:63+1");
    EXPECT_EQ(noted_, "");
    EXPECT_EQ(with_range(63, 64), "1:63+1");
    EXPECT_EQ(noted_, "GPT: partition 1 x1: reaches beyond the end of the disk; cut there\n");
    EXPECT_EQ(with_range(64, 64), "");
    EXPECT_EQ(noted_, "GPT: partition 1 x1: behind the end of the disk; left out\n");
    EXPECT_EQ(with_range(5, 4), "");
    EXPECT_EQ(with_range(5, 5), "1:5+1");
}

TEST_F(GptBounds, entries_larger_than_a_block_are_read_where_they_start) {
    put_entry(1024, 20, 29);
    put_entry(1024 + 512, 40, 49); // inside the first entry: none
    put_entry(1024 + 4096, 50, 59);
    EXPECT_EQ(with([](auto& header) { header.entry_bytes = 4096, header.entry_count = 2; }),
              "1:20+10 2:50+10");
}

TEST(GptOn65536, is_read_in_blocks_larger_than_its_table) {
    TestDisk disk(u64{8} * 65536, {.block_bytes = 65536});
    put_record(disk, 0, {{0xee, 1, 7}});
    wire::GptEntry entry{};
    entry.type_guid[0] = 1;
    entry.first_block = entry.last_block = 5;
    disk.put(2 * 65536, std::as_bytes(std::span(&entry, 1)));
    wire::GptHeader header{};
    std::memcpy(header.signature, "EFI PART", 8);
    header.revision = 0x10000;
    header.header_bytes = 92;
    header.my_block = 1;
    header.last_usable_block = 7;
    header.entries_block = 2;
    header.entry_count = 1;
    header.entry_bytes = 128;
    header.entries_crc = crc32(std::as_bytes(std::span(&entry, 1)));
    header.header_crc = crc32(std::as_bytes(std::span(&header, 1)));
    disk.put(65536, std::as_bytes(std::span(&header, 1)));
    EXPECT_EQ(found(disk, TableType::Gpt), "1:5+1");
}

TEST(GptOnTinyDisks, is_on_three_blocks_at_least) {
    for (u64 blocks : {u64{2}, u64{3}}) {
        TestDisk disk(blocks * 512);
        put_record(disk, 0, {{0xee, 1, 1}});
        wire::GptHeader header{};
        std::memcpy(header.signature, "EFI PART", 8);
        header.revision = 0x10000;
        header.header_bytes = 92;
        header.my_block = 1;
        header.entries_block = 2;
        header.entry_bytes = 128;
        header.header_crc = crc32(std::as_bytes(std::span(&header, 1)));
        disk.put(512, std::as_bytes(std::span(&header, 1)));
        EXPECT_EQ(found(disk, TableType::Gpt), blocks == 3 ? "" : "error: GPT: disk too small");
    }
}

// A backup that the primary header places anywhere but on the disk: the last block is tried all the same.
TEST_F(GptBounds, backup_is_looked_for_on_the_disk_only) {
    put_entry(62 * 512, 10, 19);
    wire::GptHeader backup = make_header(63);
    backup.entries_block = 62;
    put_header(63, backup);
    for (u64 named : {u64{0}, u64{1}, u64{30}, u64{62}, u64{63}, u64{64}, ~u64{0}}) {
        with([&](auto& header) { header.alternate_block = named; });
        disk_.bytes()[1024 + 40] ^= std::byte{1}; // the primary entries
        EXPECT_EQ(found(disk_, TableType::Gpt), "1:10+10") << named;
        disk_.bytes()[1024 + 40] ^= std::byte{1};
    }
}

TEST_F(GptBounds, names_become_utf_8_at_each_border_of_a_length) {
    auto name_of = [&](std::initializer_list<u16> units) {
        wire::GptEntry entry{};
        entry.type_guid[0] = 1;
        entry.first_block = entry.last_block = 10;
        std::copy(units.begin(), units.end(), entry.name);
        disk_.put(1024, std::as_bytes(std::span(&entry, 1)));
        put_header(1, make_header(1));
        PartitionTable table;
        EXPECT_TRUE(read_partition_table(disk_, table));
        return std::string(table.find(1)->name);
    };
    EXPECT_EQ(name_of({0x1f, 0x20, 'a', 0x7e, 0x7f, 0x80, 0x9f, 'b'}), "? a~???b");
    EXPECT_EQ(name_of({0xa0, 0x7ff, 0x800}), "\xc2\xa0\xdf\xbf\xe0\xa0\x80");
    EXPECT_EQ(name_of({0xd7ff, 0xe000, 0xffff}), "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf");
    EXPECT_EQ(name_of({0xd800, 0xdc00, 0xdbff, 0xdfff}), "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
    EXPECT_EQ(name_of({'a', 0xdc00}), "a\xef\xbf\xbd"); // no pair without a first half
    EXPECT_EQ(name_of({0xdc00, 0xd800, 'a'}), "\xef\xbf\xbd\xef\xbf\xbd"
                                              "a");
}

// What stands behind the last unit is no second half of a pair.
TEST_F(GptBounds, names_end_after_36_units) {
    std::vector<std::byte> entries(256);
    wire::GptEntry entry{};
    entry.type_guid[0] = 1;
    entry.first_block = entry.last_block = 10;
    for (auto& unit : entry.name)
        unit = 'n';
    entry.name[35] = 0xd800;
    std::memcpy(entries.data(), &entry, sizeof(entry));
    entries[129] = std::byte{0xdc}; // 0xdc00, the start of the next entry's type
    disk_.put(1024, entries);
    put_header(1, make_header(1));
    PartitionTable table;
    ASSERT_TRUE(read_partition_table(disk_, table));
    EXPECT_EQ(std::string(table.find(1)->name), std::string(35, 'n') + "\xef\xbf\xbd");
}

} // namespace
} // namespace vireo::block
