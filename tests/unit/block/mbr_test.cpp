// SPDX-License-Identifier: Apache-2.0
#include "unit/block/tables.h"

namespace vireo::block {
namespace {

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

TEST(Mbr, chain_of_logical_partitions_that_loops_ends) {
    TestDisk disk(8 * mib);
    put_record(disk, 0, {{0x05, 1000, 8000}});
    put_record(disk, 1000, {{0x83, 10, 100}, {0x05, 1000, 1000}});
    put_record(disk, 2000, {{0x83, 10, 100}, {0x05, 2000, 1000}});
    put_record(disk, 3000, {{0x83, 10, 100}, {0x05, 1000, 1000}}); // back to the second
    std::string noted;
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:1000+8000 5:1010+100 6:2010+100 7:3010+100");
    EXPECT_EQ(
        noted,
        "MBR: record of logical partitions in block 2000 x1: the chain comes back to it; it ends there\n");
    put_record(disk, 1000, {{0x83, 10, 100}, {0x05, 0, 1000}}); // to itself: a link to 0 is the first record
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+8000 5:1010+100");
}

TEST(Mbr, chain_that_leads_astray_ends) {
    TestDisk disk(8 * mib); // 16384 blocks
    std::string noted;
    const std::string record = "MBR: record of logical partitions in block ";
    put_record(disk, 0, {{0x0f, 1000, 8000}});
    put_record(disk, 1000, {{0x83, 10, 100}, {0x05, 15383, 1000}}); // the last block: no record there
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:1000+8000 5:1010+100");
    EXPECT_EQ(noted, record + "16383 x1: outside the extended partition; used all the same\n" + record +
                         "16383 x1: damaged; the chain ends there\n");
    for (u32 link : {15384u, 0xffffff00u}) {
        put_record(disk, 1000, {{0x83, 10, 100}, {0x05, link, 1000}});
        EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:1000+8000 5:1010+100");
        EXPECT_EQ(noted, record + std::to_string(1000 + u64{link}) +
                             " x1: behind the end of the disk; the chain ends there\n");
    }
    put_record(disk, 1000, {{0x83, 10, 100}, {0x05, 1000, 1000}}); // no record there
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:1000+8000 5:1010+100");
    EXPECT_EQ(noted, record + "2000 x1: damaged; the chain ends there\n");
    put_record(disk, 2000, {{0x83, 10, 100, 1}});
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+8000 5:1010+100");
    put_record(disk, 2000, {{0x83, 10, 100}, {0x05, 2000, 1, 1}});
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+8000 5:1010+100");
}

TEST(Mbr, chain_that_leaves_the_extended_partition_is_followed) {
    TestDisk disk(8 * mib);
    put_record(disk, 0, {{0x0f, 1000, 100}});
    put_record(disk, 1000, {{0x83, 10, 500}, {0x05, 99, 1}}); // the last block of it
    put_record(disk, 1099, {{0x83, 1, 5}});
    std::string noted;
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:1000+100 5:1010+500 6:1100+5");
    EXPECT_EQ(noted, "");
    put_record(disk, 1000, {{0x83, 10, 500}, {0x05, 100, 1}}); // the one behind it
    put_record(disk, 1100, {{0x83, 1, 5}});
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:1000+100 5:1010+500 6:1101+5");
    EXPECT_EQ(noted, "MBR: record of logical partitions in block 1100 x1: outside the extended partition; "
                     "used all the same\n");
}

TEST(Mbr, record_that_cannot_be_read_hides_no_primary_partition) {
    TestDisk disk(8 * mib);
    put_record(disk, 0, {{0x83, 100, 100}, {0x05, 1000, 8000}});
    put_record(disk, 1000, {{0x83, 10, 100}, {0x05, 1000, 1000}});
    disk.bad.push_back({2000 * 512, 2001 * 512});
    std::string noted;
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:100+100 2:1000+8000 5:1010+100");
    EXPECT_EQ(noted, "MBR: record of logical partitions in block 2000 x1: cannot be read; the chain ends "
                     "there (bad block)\n");
}

// Tools have left garbage in the third and the fourth entry of a record.
TEST(Mbr, third_and_fourth_entry_of_a_record_count_inside_the_extended_partition) {
    TestDisk disk(8 * mib);
    put_record(disk, 0, {{0x05, 1000, 500}});
    put_record(disk, 1000, {{0x83, 10, 100}, {0, 0, 0}, {0x83, 400, 100}, {0x83, 400, 101}});
    std::string noted;
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:1000+500 5:1010+100 6:1400+100");
    EXPECT_EQ(noted, "MBR: record of logical partitions in block 1000 x1: its third or fourth entry leads "
                     "out of the extended partition; left out\n");
    put_record(disk, 1000, {{0x83, 10, 100}, {0, 0, 0}, {0x83, 1, 2, 0x42}});
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+500 5:1010+100");
}

TEST(Mbr, logical_partitions_of_two_extended_ones) {
    TestDisk disk(8 * mib);
    put_record(disk, 0, {{0x05, 1000, 500}, {0x83, 100, 1}, {0x0f, 2000, 500}});
    put_record(disk, 1000, {{0x83, 10, 100}});
    put_record(disk, 2000, {{0x83, 10, 100}});
    EXPECT_EQ(found(disk, TableType::Mbr), "1:1000+500 2:100+1 3:2000+500 5:1010+100 6:2010+100");
}

TEST(Mbr, endless_chain_is_bounded) {
    TestDisk disk(8 * mib);
    put_record(disk, 0, {{0x85, 100, 16000}});
    for (u32 i = 0; i < 1000; ++i)
        put_record(disk, 100 + i * 2, {{0x83, 1, 1}, {0x05, (i + 1) * 2, 2}});
    PartitionTable table;
    ASSERT_TRUE(read_partition_table(disk, table));
    EXPECT_EQ(table.partitions.size(), PartitionTable::max_partitions);
    EXPECT_EQ(
        test::noted(table.findings),
        "MBR: partition 132 x1: more than the 128 that are used; left out\n"
        "MBR: record of logical partitions in block 356 x1: more than 128 records; the chain ends there\n");
    EXPECT_LE(disk.requests_issued(), 200u);
}

TEST(Mbr, entries_that_reach_beyond_the_disk_are_cut) {
    TestDisk disk(8 * mib); // 16384 blocks
    std::string noted;
    put_record(disk, 0, {{0x83, 16000, 384}, {0x83, 16000, 385}, {0x83, 16383, 1}, {0x83, 2, 0xffffffff}});
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:16000+384 2:16000+384 3:16383+1 4:2+16382");
    EXPECT_EQ(noted, "MBR: partition 2 x2: reaches beyond the end of the disk; cut there\n");
    // An extended one, and a logical one in it, which both reach beyond.
    put_record(disk, 0, {{0x83, 2048, 2048}, {0x05, 4096, 13000}});
    put_record(disk, 4096, {{0x83, 2048, 2000}, {0x05, 6000, 7000}});
    put_record(disk, 10096, {{0x83, 10, 7000}});
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:2048+2048 2:4096+12288 5:6144+2000 6:10106+6278");
    EXPECT_EQ(noted, "MBR: partition 2 x2: reaches beyond the end of the disk; cut there\n");
}

TEST(Mbr, entries_behind_the_disk_or_over_the_table_are_left_out) {
    TestDisk disk(8 * mib); // 16384 blocks
    std::string noted;
    put_record(disk, 0, {{0x83, 16384, 1}, {0x83, 1, 1}, {0x83, 0xffffffff, 0xffffffff}, {0x83, 0, 100}});
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "2:1+1");
    EXPECT_EQ(noted, "MBR: partition 1 x2: behind the end of the disk; left out\n"
                     "MBR: partition 4 x1: covers the table; left out\n");
    put_record(disk, 0, {{0x83, 100, 0}, {0x83, 100, 1}, {0, 100, 0}});
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "2:100+1");
    EXPECT_EQ(noted, "MBR: partition 1 x1: has no blocks; left out\n");
    put_record(disk, 0, {{0x83, 16384, 1}});
    EXPECT_EQ(found(disk, TableType::Mbr), "error: MBR: no partition lies on the disk");
    put_record(disk, 0, {{0x83, 100, 1}, {0x05, 16384, 100}, {0x05, 0, 100}});
    EXPECT_EQ(found(disk, TableType::Mbr, &noted), "1:100+1"); // and no chain from there
    EXPECT_EQ(noted, "MBR: partition 2 x1: behind the end of the disk; left out\n"
                     "MBR: partition 3 x1: covers the table; left out\n");
}

TEST(Mbr, bootable_is_a_flag_or_the_type_of_an_efi_system_partition) {
    TestDisk disk(8 * mib);
    put_record(disk, 0, {{0x83, 100, 1}, {0xef, 200, 1}, {0x0c, 300, 1, 0x80}, {0xee + 2, 400, 1}});
    PartitionTable table;
    ASSERT_TRUE(read_partition_table(disk, table));
    std::string bootable;
    for (const Partition& partition : table.partitions)
        bootable += partition.bootable ? 'x' : '.';
    EXPECT_EQ(bootable, ".xx.");
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
    // The boot sector of a FAT: a parameter block, and a serial number where a table would
    // have its signature.
    const u8 parameters[] = {0xeb, 0x58, 0x90, 'm',  'k',  'f',  's',  '.', 'f',
                             'a',  't',  0x00, 0x02, 0x04, 0x20, 0x00, 0x02};
    disk.put(0, std::as_bytes(std::span(parameters)));
    EXPECT_EQ(found(disk, TableType::None), "");
}

// The numbers of a parameter block that make a boot sector of what could be a table without partitions.
TEST(Mbr, a_boot_sector_is_known_by_its_parameters) {
    TestDisk disk(8 * mib);
    auto is_table = [&](u16 sector_bytes, u8 cluster_sectors, u8 fats, const char* name = "mkfs") {
        put_record(disk, 0, {}, 0xcafe1234);
        std::memcpy(disk.bytes().data() + 3, name, 4);
        disk.bytes()[11] = static_cast<std::byte>(sector_bytes);
        disk.bytes()[12] = static_cast<std::byte>(sector_bytes >> 8);
        disk.bytes()[13] = static_cast<std::byte>(cluster_sectors);
        disk.bytes()[16] = static_cast<std::byte>(fats);
        PartitionTable table;
        EXPECT_TRUE(read_partition_table(disk, table));
        return table.type == TableType::Mbr;
    };
    for (u16 bytes : {u16{512}, u16{1024}, u16{4096}})
        EXPECT_FALSE(is_table(bytes, 4, 2)) << bytes;
    for (u16 bytes : {u16{0}, u16{256}, u16{768}, u16{8192}})
        EXPECT_TRUE(is_table(bytes, 4, 2)) << bytes;
    for (u8 sectors : {u8{1}, u8{128}})
        EXPECT_FALSE(is_table(512, sectors, 1));
    for (u8 sectors : {u8{0}, u8{3}})
        EXPECT_TRUE(is_table(512, sectors, 1));
    for (u8 fats : {u8{0}, u8{3}})
        EXPECT_TRUE(is_table(512, 4, fats));
    EXPECT_FALSE(is_table(512, 4, 0, "NTFS"));
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

} // namespace
} // namespace vireo::block
