// SPDX-License-Identifier: Apache-2.0
#include "unit/block/tables.h"

namespace vireo::block {
namespace {

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
