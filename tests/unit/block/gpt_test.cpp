// SPDX-License-Identifier: Apache-2.0
#include "unit/block/tables.h"

namespace vireo::block {
namespace {

class Gpt : public testing::Test {
  protected:
    // Made once: sgdisk sleeps for a second.
    static void SetUpTestSuite() {
        folder_ = new test::TemporaryFolder;
        image_ = make_image(
            *folder_, 64 * mib,
            "f() { sgdisk -n 1:2048:+1M -t 1:ef00 -c 1:'EFI system' -n 2:8192:+4M -c 2:'\xc3\xbcml\xc3\xa4ut "
            "\xf0\x9f\x92\xbe' "
            "-A 2:set:2 -n 7:40960:0 -u 7:01234567-89ab-cdef-0123-456789abcdef $1 >/dev/null; }; f");
    }
    static void TearDownTestSuite() {
        delete folder_;
        folder_ = nullptr;
    }
    void SetUp() override { disk_ = std::make_unique<TestDisk>(image_); }
    u64 last() { return disk_->facts().block_count - 1; }
    wire::GptHeader header(u64 block) { return *read_struct<wire::GptHeader>(disk_->bytes(), block * 512); }
    // Writes a changed header back with the right checksum.
    void put_header(u64 block, wire::GptHeader header) {
        header.header_crc = 0;
        header.header_crc = crc32(std::as_bytes(std::span(&header, 1)));
        disk_->put(block * 512, std::as_bytes(std::span(&header, 1)));
    }
    void put_both(auto&& change) {
        for (u64 block : {u64{1}, last()}) {
            wire::GptHeader changed = header(block);
            change(changed);
            put_header(block, changed);
        }
    }
    void flip(u64 offset) { disk_->bytes()[offset] ^= std::byte{1}; }
    std::string read(bool backup = false) {
        std::string text = found(*disk_, TableType::Gpt, &noted_);
        if (!text.starts_with("error"))
            EXPECT_EQ(noted_.contains("the backup serves instead"), backup) << noted_;
        return text;
    }
    // Changes an entry of the primary table, whose checksums are put right.
    void change_entry(u32 index, auto&& change) {
        wire::GptHeader changed = header(1);
        u64 entries = changed.entries_block * 512;
        wire::GptEntry entry = *read_struct<wire::GptEntry>(disk_->bytes(), entries + index * 128);
        change(entry);
        disk_->put(entries + index * 128, std::as_bytes(std::span(&entry, 1)));
        changed.entries_crc = crc32(Bytes(disk_->bytes()).subspan(entries, changed.entry_count * 128));
        put_header(1, changed);
    }
    void put_range(u32 index, u64 first, u64 last) {
        change_entry(index, [&](auto& entry) { entry.first_block = first, entry.last_block = last; });
    }

    static constexpr const char* all = "1:2048+2048 2:8192+8192 7:40960+90079";
    static test::TemporaryFolder* folder_;
    static std::string image_;
    std::unique_ptr<TestDisk> disk_;
    std::string noted_; // about what was read last
};
test::TemporaryFolder* Gpt::folder_ = nullptr;
std::string Gpt::image_;

TEST_F(Gpt, partitions_names_and_guids) {
    EXPECT_EQ(read(), all);
    PartitionTable table;
    ASSERT_TRUE(read_partition_table(*disk_, table));
    EXPECT_STREQ(table.find(1)->name, "EFI system");
    EXPECT_EQ(table.find_by_name("\xc3\xbcml\xc3\xa4ut \xf0\x9f\x92\xbe"), table.find(2));
    EXPECT_TRUE(table.find(2)->bootable);
    EXPECT_EQ(table.find_by_name("nothing"), nullptr);
    EXPECT_EQ(table.find_by_name(""), nullptr);
    const u8 guid[16] = {0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd,
                         0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    EXPECT_EQ(std::memcmp(table.find(7)->partition_guid, guid, 16), 0);
    EXPECT_EQ(table.find(1)->type_guid[0], 0x28);
}

TEST_F(Gpt, either_header_serves) {
    EXPECT_EQ(read(), all);
    EXPECT_EQ(noted_, "");
    flip(512); // the signature
    EXPECT_EQ(read(true), all);
    EXPECT_EQ(noted_, "GPT: the primary table cannot be used: the backup serves instead (GPT: no header "
                      "signature)\n");
    flip(512);
    flip(512 + 56); // the disk's guid: the checksum
    EXPECT_EQ(read(true), all);
    flip(512 + 56);
    flip(1024 + 40); // an entry
    EXPECT_EQ(read(true), all);
    flip(1024 + 40);
    flip(last() * 512 + 56); // the backup
    EXPECT_EQ(read(), all);
    flip(1024 + 40);
    EXPECT_EQ(read(), "error: GPT: checksum of the entries");
    flip(1024 + 40);
    disk_->bad.push_back({512, 1024}); // cannot be read at all
    EXPECT_EQ(read(), "error: bad block");
    flip(last() * 512 + 56);
    EXPECT_EQ(read(true), all);
}

TEST_F(Gpt, backup_is_found_where_the_primary_header_says) {
    // The disk has grown: the backup is no longer in its last block.
    std::string content = test::read_file(image_);
    TestDisk grown(content.size() + mib);
    grown.put(0, std::as_bytes(std::span(content)));
    grown.bytes()[1024 + 40] ^= std::byte{1};
    EXPECT_EQ(found(grown, TableType::Gpt), all);
    // With the primary header gone nobody knows where to look.
    grown.bytes()[512] ^= std::byte{1};
    EXPECT_EQ(found(grown, TableType::Gpt), "error: GPT: no header signature");
}

TEST_F(Gpt, headers_that_make_no_sense_are_refused) {
    put_both([](auto& header) { header.entry_bytes = 100; });
    EXPECT_EQ(read(), "error: GPT: entry size");
    put_both([](auto& header) { header.entry_bytes = 0; });
    EXPECT_EQ(read(), "error: GPT: entry size");
    put_both([](auto& header) { header.entry_bytes = 192; });
    EXPECT_EQ(read(), "error: GPT: entry size");
    put_both([](auto& header) { header.entry_bytes = 0x80000000; });
    EXPECT_EQ(read(), "error: GPT: entry size");
    put_both([](auto& header) { header.entry_bytes = 128, header.entry_count = 0xffffffff; });
    EXPECT_EQ(read(), "error: GPT: too many entries");
    put_both([](auto& header) { header.entry_count = 8192, header.entries_block = ~u64{0}; });
    EXPECT_EQ(read(), "error: GPT: place of the entries");
    put_both([](auto& header) { header.entries_block = 0; });
    EXPECT_EQ(read(), "error: GPT: place of the entries");
    put_both([](auto& header) {
        header.entries_block = 2, header.entry_count = 128, header.last_usable_block = ~u64{0};
    });
    EXPECT_EQ(read(), "error: GPT: usable blocks reach beyond the disk");
    put_both([&](auto& header) { header.last_usable_block = last() - 40, header.my_block = 7; });
    EXPECT_EQ(read(), "error: GPT: header is not where it says it is");
    put_both([&](auto& header) { header.my_block = 1, header.revision = 0; });
    EXPECT_EQ(read(), "error: GPT: revision");
    wire::GptHeader small = header(1);
    small.header_bytes = 91;
    disk_->put(512, std::as_bytes(std::span(&small, 1)));
    EXPECT_EQ(read(), "error: GPT: header size");
    small.header_bytes = ~u32{0};
    disk_->put(512, std::as_bytes(std::span(&small, 1)));
    EXPECT_EQ(read(), "error: GPT: header size");
}

TEST_F(Gpt, entries_that_make_no_sense_are_left_out) {
    put_range(0, 33, 4095); // in the table
    EXPECT_EQ(read(), "2:8192+8192 7:40960+90079");
    EXPECT_EQ(noted_, "GPT: partition 1 x1: covers the table; left out\n");
    put_range(6, 40960, 40959); // ends before it starts
    EXPECT_EQ(read(), "2:8192+8192");
    EXPECT_EQ(noted_, "GPT: partition 1 x1: covers the table; left out\n"
                      "GPT: partition 7 x1: ends before it starts; left out\n");
    put_range(6, 40960, 40960);
    put_range(1, last() + 1, ~u64{0});
    EXPECT_EQ(read(), "7:40960+1");
    EXPECT_EQ(noted_, "GPT: partition 1 x1: covers the table; left out\n"
                      "GPT: partition 2 x1: behind the end of the disk; left out\n");
}

TEST_F(Gpt, names_are_never_cut_and_never_drive_a_terminal) {
    change_entry(0, [](auto& entry) {
        entry.first_block = 2048;
        for (auto& unit : entry.name)
            unit = 0xd83d;    // halves of pairs, to the very end
        entry.name[0] = 0x1b; // would drive a terminal
        entry.name[1] = 0x9b;
    });
    PartitionTable table;
    ASSERT_TRUE(read_partition_table(*disk_, table));
    EXPECT_EQ(std::strlen(table.find(1)->name), 2u + 34 * 3);
    EXPECT_TRUE(std::string(table.find(1)->name).starts_with("??\xef\xbf\xbd"));
    change_entry(0, [](auto& entry) {
        for (auto& unit : entry.name)
            unit = 0x20ac; // three bytes each in UTF-8
    });
    ASSERT_TRUE(read_partition_table(*disk_, table));
    std::string euros;
    for (int i = 0; i < 36; ++i)
        euros += "\xe2\x82\xac";
    EXPECT_EQ(table.find(1)->name, euros);
}

TEST_F(Gpt, entries_outside_the_usable_blocks_are_used_and_noted) {
    put_both([](auto& header) { header.first_usable_block = 2048, header.last_usable_block = 131038; });
    EXPECT_EQ(read(), all); // they lie at its very ends
    EXPECT_EQ(noted_, "");
    put_both([](auto& header) { header.first_usable_block = 2049; });
    EXPECT_EQ(read(), all);
    EXPECT_EQ(noted_, "GPT: partition 1 x1: outside the usable blocks; used all the same\n");
    put_both([](auto& header) { header.last_usable_block = 131037; });
    EXPECT_EQ(read(), all);
    EXPECT_EQ(noted_, "GPT: partition 1 x2: outside the usable blocks; used all the same\n");
}

TEST_F(Gpt, entries_are_cut_at_the_end_of_the_disk) {
    put_range(6, 131000, last()); // over the backup, which is not in use
    EXPECT_EQ(read(), "1:2048+2048 2:8192+8192 7:131000+72");
    EXPECT_EQ(noted_, "GPT: partition 7 x1: outside the usable blocks; used all the same\n");
    for (u64 end : {last() + 1, ~u64{0}}) {
        put_range(6, 131000, end);
        EXPECT_EQ(read(), "1:2048+2048 2:8192+8192 7:131000+72");
        EXPECT_EQ(noted_, "GPT: partition 7 x1: reaches beyond the end of the disk; cut there\n");
    }
    put_range(6, last(), last() + 1);
    EXPECT_EQ(read(), "1:2048+2048 2:8192+8192 7:131071+1");
}

TEST_F(Gpt, no_partition_covers_the_table_that_is_in_use) {
    // The entries move to blocks 100 to 131.
    std::vector<std::byte> entries(disk_->bytes().begin() + 1024, disk_->bytes().begin() + 1024 + 32 * 512);
    disk_->put(100 * 512, entries);
    wire::GptHeader moved = header(1);
    moved.entries_block = 100;
    put_header(1, moved);
    auto with = [&](u64 first, u64 end) {
        put_range(0, first, end);
        return read() == "2:8192+8192 7:40960+90079" ? std::string("left out") : noted_;
    };
    const std::string used = "GPT: partition 1 x1: outside the usable blocks; used all the same\n";
    EXPECT_EQ(with(0, 0), "left out");
    EXPECT_EQ(with(1, 1), "left out");
    EXPECT_EQ(with(2, 99), used);
    EXPECT_EQ(with(2, 100), "left out");
    EXPECT_EQ(with(131, 140), "left out");
    EXPECT_EQ(with(132, 140), "");
    EXPECT_EQ(with(90, 200), "left out");
}

TEST_F(Gpt, the_backup_in_use_is_not_to_be_covered) {
    flip(512);
    wire::GptHeader backup = header(last());
    u64 entries = backup.entries_block; // the 32 blocks before the header
    auto with = [&](u64 first, u64 end) {
        wire::GptEntry entry = *read_struct<wire::GptEntry>(disk_->bytes(), entries * 512);
        entry.first_block = first, entry.last_block = end;
        disk_->put(entries * 512, std::as_bytes(std::span(&entry, 1)));
        backup.entries_crc = crc32(Bytes(disk_->bytes()).subspan(entries * 512, 128 * 128));
        put_header(last(), backup);
        return !read(true).starts_with("1:");
    };
    EXPECT_FALSE(with(2048, entries - 1));
    EXPECT_TRUE(with(2048, entries));
    EXPECT_TRUE(with(last(), last()));
    EXPECT_TRUE(with(2048, last() + 1)); // cut, it covers the header still
    EXPECT_FALSE(with(2, 33));           // where the damaged table lies
}

// A disk that somebody made to fill the screen.
TEST_F(Gpt, thousands_of_bad_entries_are_one_finding) {
    std::vector<std::byte> entries(8192 * 128);
    for (usize i = 0; i < 8192; ++i) {
        entries[i * 128] = std::byte{1}; // the type
        entries[i * 128 + 32] = std::byte{5};
        entries[i * 128 + 40] = std::byte{4};
    }
    disk_->put(1024, entries);
    wire::GptHeader changed = header(1);
    changed.entry_count = 8192;
    changed.first_usable_block = 3000;
    changed.entries_crc = crc32(Bytes(entries));
    put_header(1, changed);
    EXPECT_EQ(read(), "");
    EXPECT_EQ(noted_, "GPT: partition 1 x8192: ends before it starts; left out\n");
    for (usize i = 0; i < 8192; ++i)
        entries[i * 128 + 33] = entries[i * 128 + 41] = std::byte{0x0c}; // 3077 to 3076
    for (usize i = 100; i < 8192; ++i)
        entries[i * 128 + 40] = std::byte{5};
    disk_->put(1024, entries);
    changed.entries_crc = crc32(Bytes(entries));
    put_header(1, changed);
    PartitionTable table;
    ASSERT_TRUE(read_partition_table(*disk_, table));
    EXPECT_EQ(table.partitions.size(), 128u);
    EXPECT_EQ(test::noted(table.findings),
              "GPT: partition 1 x100: ends before it starts; left out\n"
              "GPT: partition 229 x7964: more than the 128 that are used; left out\n");
    changed.entry_count = 8193; // one more than a table may have
    put_header(1, changed);
    flip(last() * 512);
    EXPECT_EQ(read(), "error: GPT: too many entries");
}

TEST_F(Gpt, bootable_is_an_attribute_or_an_efi_system_partition) {
    auto bootable = [&] {
        PartitionTable table;
        EXPECT_TRUE(read_partition_table(*disk_, table));
        std::string text;
        for (const Partition& partition : table.partitions)
            text += partition.bootable ? 'x' : '.';
        return text;
    };
    EXPECT_EQ(bootable(), "xx."); // 1: type, 2: attribute
    change_entry(0, [](auto& entry) { entry.type_guid[15] ^= 1; });
    change_entry(1, [](auto& entry) { entry.attributes = ~u64{4}; });
    EXPECT_EQ(bootable(), "...");
}

TEST_F(Gpt, a_protective_mbr_that_is_too_short_announces_it) {
    put_record(*disk_, 0, {{0xee, 1, 1}});
    EXPECT_EQ(read(), all);
    EXPECT_EQ(noted_, "");
}

TEST_F(Gpt, headers_with_larger_and_fewer_entries) {
    // The same entries, 512 bytes each.
    std::vector<std::byte> entries(16 * 512);
    for (usize i = 0; i < 16; ++i)
        std::memcpy(entries.data() + i * 512, disk_->bytes().data() + 1024 + i * 128, 128);
    disk_->put(1024, entries);
    wire::GptHeader changed = header(1);
    changed.entry_bytes = 512;
    changed.entry_count = 15;
    changed.entries_crc = crc32(Bytes(entries).first(15 * 512));
    put_header(1, changed);
    EXPECT_EQ(read(), all);
}

TEST_F(Gpt, survives_a_wiped_block_0) {
    std::memset(disk_->bytes().data(), 0, 512);
    EXPECT_EQ(read(), all);
    flip(512); // but then the backup at the end may be a leftover
    EXPECT_EQ(found(*disk_, TableType::None), "");
}

TEST_F(Gpt, leftover_under_a_new_mbr_or_file_system_is_ignored) {
    put_record(*disk_, 0, {{0x83, 2048, 4096}});
    EXPECT_EQ(found(*disk_, TableType::Mbr), "1:2048+4096");
    put_record(*disk_, 0, {}, 0);
    EXPECT_EQ(found(*disk_, TableType::None), "");
}

TEST_F(Gpt, hybrid_mbr_is_a_gpt) {
    put_record(*disk_, 0,
               {{0x83, 2048, 2048}, {0xee, 1, 2047}, {0xee, 0, 0}, {0x83, 0xffffffff, 0xffffffff}});
    EXPECT_EQ(read(), all);
}

TEST(GptOn4096, either_header_serves) {
    test::TemporaryFolder folder;
    std::string image = make_image(
        folder, 64 * mib,
        "f() { printf 'g\\nn\\n1\\n256\\n767\\nn\\n2\\n1024\\n1122\\nw\\n' | fdisk -b 4096 $1; }; f");
    TestDisk disk(image, {.block_bytes = 4096});
    EXPECT_EQ(found(disk, TableType::Gpt), "1:256+512 2:1024+99");
    std::memset(disk.bytes().data() + 4096, 0, 4096);
    EXPECT_EQ(found(disk, TableType::Gpt), "1:256+512 2:1024+99");
}

TEST(GptOn3Tib, partitions_beyond_32_bits) {
    test::TemporaryFolder folder;
    TestDisk disk(make_image(folder, u64{3} << 40,
                             "f() { sgdisk -n 1:2048:+1M -n 2:5368709120:+2M $1 >/dev/null; }; f"));
    EXPECT_EQ(found(disk, TableType::Gpt), "1:2048+2048 2:5368709120+4096");
}

} // namespace
} // namespace vireo::block
