// SPDX-License-Identifier: Apache-2.0
#include "base/crc32.h"
#include "base/log.h"
#include "block/partition_table.h"
#include "block/partition_wire.h"
#include "unit/support/image.h"
#include "unit/support/test_disk.h"

namespace vireo::block {
namespace {

using test::TestDisk;

constexpr u64 mib = 1024 * 1024;

struct LogLines final : Writer {
    std::string text;
    void write(std::string_view more) override { text += more; }
    LogLines() { set_log_writer(this); }
    ~LogLines() { set_log_writer(nullptr); }
};

// "1:2048+100 5:..." of what was found.
std::string found(device::BlockDevice& device, TableType wanted) {
    PartitionTable table;
    auto done = read_partition_table(device, table);
    if (!done)
        return std::string("error: ") + done.error().what;
    EXPECT_EQ(table.type, wanted);
    std::string text;
    for (const Partition& partition : table.partitions)
        text += (text.empty() ? "" : " ") + std::to_string(partition.number) + ":" +
                std::to_string(partition.first_block) + "+" + std::to_string(partition.block_count);
    return text;
}

// A table made by a tool over an empty image.
std::string make_image(const test::TemporaryFolder& folder, u64 bytes, const std::string& command) {
    std::string path = folder / "image";
    test::write_file(path, "");
    std::filesystem::resize_file(path, bytes);
    test::run(command + " " + path);
    return path;
}
// --- MBR ----------------------------------------------------------------------------------------------------------

TEST(Mbr, primary_and_logical_partitions) {
    test::TemporaryFolder folder;
    std::string image = make_image(
        folder, 64 * mib,
        "f() { printf 'label: dos\\nlabel-id: "
        "0xcafe1234\\nstart=2048,size=4096,type=c,bootable\\nstart=8192,size=8192,type=83\\n"
        "start=32768,size=90000,type=5\\nstart=20000,size=1000,type=82\\nstart=34816,size=2000,type=83\\n"
        "start=40960,size=3000,type=83\\nstart=51200,size=4000,type=83\\n' | sfdisk -q --no-reread "
        "--no-tell-kernel $1; }; f");
    TestDisk disk(image);
    PartitionTable table;
    ASSERT_TRUE(read_partition_table(disk, table));
    EXPECT_EQ(table.type, TableType::Mbr);
    EXPECT_EQ(table.mbr_signature, 0xcafe1234u);
    EXPECT_EQ(found(disk, TableType::Mbr),
              "1:2048+4096 2:8192+8192 3:32768+90000 4:20000+1000 5:34816+2000 6:40960+3000 7:51200+4000");
    EXPECT_TRUE(table.find(1)->bootable);
    EXPECT_EQ(table.find(1)->mbr_type, 0x0c);
    EXPECT_FALSE(table.find(2)->bootable);
    EXPECT_EQ(table.find(6)->mbr_type, 0x83);
    EXPECT_EQ(table.find(8), nullptr);
}

// Writes a boot record by hand: signature and up to four entries.
struct Entry {
    u8 type;
    u32 first;
    u32 count;
    u8 flag = 0;
};
void put_record(TestDisk& disk, u64 block, std::initializer_list<Entry> entries, u32 disk_signature = 0) {
    std::byte bytes[512] = {};
    auto put32 = [&](usize at, u32 value) {
        for (usize i = 0; i < 4; ++i)
            bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
    };
    put32(440, disk_signature);
    usize at = 446;
    for (const Entry& entry : entries) {
        bytes[at] = static_cast<std::byte>(entry.flag);
        bytes[at + 4] = static_cast<std::byte>(entry.type);
        put32(at + 8, entry.first);
        put32(at + 12, entry.count);
        at += 16;
    }
    bytes[510] = std::byte{0x55};
    bytes[511] = std::byte{0xaa};
    disk.put(block * disk.facts().block_bytes, bytes);
}

TEST(Mbr, chain_of_logical_partitions_that_loops_ends) {
    LogLines log;
    TestDisk disk(8 * mib);
    put_record(disk, 0, {{0x05, 1000, 8000}});
    put_record(disk, 1000, {{0x83, 10, 100}, {0x05, 1000, 1000}});
    put_record(disk, 2000, {{0x83, 10, 100}, {0x05, 2000, 1000}});
    put_record(disk, 3000, {{0x83, 10, 100}, {0x05, 1000, 1000}}); // back to the second
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+8000 5:1010+100 6:2010+100 7:3010+100");
    EXPECT_EQ(log.text, "warning: MBR: the chain of logical partitions loops\n");
    put_record(disk, 1000, {{0x83, 10, 100}, {0x05, 0, 1000}}); // to itself: a link to 0 is the first record
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+8000 5:1010+100");
}

TEST(Mbr, chain_that_leads_astray_ends) {
    LogLines log;
    TestDisk disk(8 * mib);
    put_record(disk, 0, {{0x0f, 1000, 8000}});
    put_record(disk, 1000, {{0x83, 10, 100}, {0x05, 8000, 1000}}); // behind the extended partition
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+8000 5:1010+100");
    put_record(disk, 1000, {{0x83, 10, 100}, {0x05, 0xffffff00, 1000}});
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+8000 5:1010+100");
    put_record(disk, 1000, {{0x83, 10, 100}, {0x05, 1000, 1000}}); // no record there
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+8000 5:1010+100");
    put_record(disk, 1000, {{0x83, 10, 0xfffffff0}, {0, 0, 0}}); // beyond the disk
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+8000");
}

TEST(Mbr, endless_chain_is_bounded) {
    LogLines log;
    TestDisk disk(8 * mib);
    put_record(disk, 0, {{0x85, 100, 16000}});
    for (u32 i = 0; i < 1000; ++i)
        put_record(disk, 100 + i * 2, {{0x83, 1, 1}, {0x05, (i + 1) * 2, 2}});
    PartitionTable table;
    ASSERT_TRUE(read_partition_table(disk, table));
    EXPECT_EQ(table.partitions.size(), PartitionTable::max_partitions);
    EXPECT_LE(disk.requests_issued(), 200u);
}

TEST(Mbr, entries_off_the_disk_are_left_out) {
    TestDisk disk(8 * mib); // 16384 blocks
    put_record(disk, 0,
               {{0x83, 16000, 384}, {0x83, 16000, 385}, {0x83, 0xffffffff, 0xffffffff}, {0x83, 0, 100}});
    EXPECT_EQ(found(disk, TableType::Mbr), "1:16000+384");
    put_record(disk, 0, {{0x83, 16385, 1}});
    EXPECT_EQ(found(disk, TableType::Mbr), "error: MBR: no partition lies on the disk");
}

TEST(Mbr, what_only_ends_like_a_table_is_none) {
    TestDisk disk(8 * mib);
    EXPECT_EQ(found(disk, TableType::None), "");
    put_record(disk, 0, {{0x83, 2048, 100, 0x42}}); // code where the entries would be
    EXPECT_EQ(found(disk, TableType::None), "");
    put_record(disk, 0, {});
    EXPECT_EQ(found(disk, TableType::None), "");
    put_record(disk, 0, {}, 0xcafe1234); // a table without partitions
    EXPECT_EQ(found(disk, TableType::Mbr), "");
    // The boot sector of a FAT: a parameter block, and a serial number where a table would have its signature.
    const u8 parameters[] = {0xeb, 0x58, 0x90, 'm',  'k',  'f',  's',  '.', 'f',
                             'a',  't',  0x00, 0x02, 0x04, 0x20, 0x00, 0x02};
    disk.put(0, std::as_bytes(std::span(parameters)));
    EXPECT_EQ(found(disk, TableType::None), "");
}

TEST(Mbr, disks_of_odd_sizes) {
    for (u64 bytes : {u64{0}, u64{511}, u64{512}, u64{1024}, u64{1536}, u64{10'000}}) {
        TestDisk disk(bytes);
        EXPECT_EQ(found(disk, TableType::None), "") << bytes;
        if (disk.facts().block_count == 0)
            continue;
        put_record(disk, 0, {{0xee, 1, 0xffffffff}});
        EXPECT_TRUE(found(disk, TableType::Gpt).starts_with("error: GPT: ")) << bytes;
        put_record(disk, 0, {{0x83, 1, 1}});
        EXPECT_EQ(found(disk, TableType::Mbr),
                  disk.facts().block_count > 1 ? "1:1+1" : "error: MBR: no partition lies on the disk");
    }
}

TEST(Mbr, on_a_disk_with_4096_byte_blocks) {
    TestDisk disk(64 * mib, {.block_bytes = 4096});
    put_record(disk, 0, {{0x83, 256, 512}, {0x05, 1024, 4096}});
    put_record(disk, 1024, {{0x83, 16, 32}});
    EXPECT_EQ(found(disk, TableType::Mbr), "1:256+512 2:1024+4096 5:1040+32");
}

TEST(Mbr, a_disk_that_cannot_be_read_is_an_error) {
    TestDisk disk(mib);
    disk.bad.push_back({0, 512});
    PartitionTable table;
    EXPECT_EQ(read_partition_table(disk, table).error().code, ErrorCode::Io);
}

// --- GPT ----------------------------------------------------------------------------------------------------------

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
        PartitionTable table;
        std::string text = found(*disk_, TableType::Gpt);
        if (read_partition_table(*disk_, table))
            EXPECT_EQ(table.used_backup, backup);
        return text;
    }

    static constexpr const char* all = "1:2048+2048 2:8192+8192 7:40960+90079";
    static test::TemporaryFolder* folder_;
    static std::string image_;
    std::unique_ptr<TestDisk> disk_;
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
    flip(512); // the signature
    EXPECT_EQ(read(true), all);
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
    auto change_entry = [&](u32 index, auto&& change) {
        wire::GptEntry entry = *read_struct<wire::GptEntry>(disk_->bytes(), 1024 + index * 128);
        change(entry);
        disk_->put(1024 + index * 128, std::as_bytes(std::span(&entry, 1)));
        wire::GptHeader changed = header(1);
        changed.entries_crc = crc32(Bytes(disk_->bytes()).subspan(1024, 128 * 128));
        put_header(1, changed);
    };
    change_entry(0, [](auto& entry) { entry.first_block = 33; }); // in the table
    EXPECT_EQ(read(), "2:8192+8192 7:40960+90079");
    change_entry(1, [](auto& entry) { entry.last_block = ~u64{0}; }); // beyond the disk, and it wraps
    EXPECT_EQ(read(), "7:40960+90079");
    change_entry(6, [](auto& entry) { entry.last_block = 40959; }); // ends before it starts
    EXPECT_EQ(read(), "");
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

// --- random damage ------------------------------------------------------------------------------------------------

TEST(PartitionTableDamage, never_crashes_hangs_or_yields_what_is_off_the_disk) {
    TestDisk mbr(mib);
    put_record(mbr, 0, {{0x83, 100, 100}, {0x05, 1000, 1000}, {0x0c, 300, 5, 0x80}});
    put_record(mbr, 1000, {{0x83, 10, 100}, {0x05, 200, 100}});
    put_record(mbr, 1200, {{0x83, 10, 100}, {0x05, 400, 100}});
    put_record(mbr, 1400, {{0x83, 10, 100}});
    test::TemporaryFolder folder;
    TestDisk gpt(make_image(folder, mib, "f() { sgdisk -a 1 -n 1:100:+10 -n 2:200:+10 $1 >/dev/null; }; f"));
    std::mt19937 random(1);
    for (TestDisk* disk : {&mbr, &gpt}) {
        for (int round = 0; round < 1500; ++round) {
            u64 block = disk == &gpt ? random() % 3 : std::array<u64, 4>{0, 1000, 1200, 1400}[random() % 4];
            u64 at = block * 512 + (disk == &mbr ? 440 + random() % 72 : random() % 512);
            std::byte before = disk->bytes()[at];
            disk->bytes()[at] = static_cast<std::byte>(random());
            if (disk == &gpt && random() % 2 == 0) { // get past the checksum
                wire::GptHeader header = *read_struct<wire::GptHeader>(disk->bytes(), 512);
                header.header_crc = 0;
                header.header_crc = crc32(std::as_bytes(std::span(&header, 1)));
                disk->put(512, std::as_bytes(std::span(&header, 1)));
            }
            u64 requests = disk->requests_issued();
            PartitionTable table;
            if (read_partition_table(*disk, table))
                for (const Partition& partition : table.partitions)
                    ASSERT_TRUE(
                        partition.first_block > 0 &&
                        range_fits(partition.first_block, partition.block_count, disk->facts().block_count));
            ASSERT_LT(disk->requests_issued() - requests, 200u);
            disk->bytes()[at] = before;
        }
    }
}

} // namespace
} // namespace vireo::block
