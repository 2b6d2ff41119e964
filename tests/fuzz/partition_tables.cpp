// SPDX-License-Identifier: Apache-2.0
// A disk whose partition table is what the input says: MBR with logical partitions, GPT with its backup.
// Input: flags (1: blocks of 4 KiB; 2: the checksums of the GPT are put right), size in blocks (2
// bytes), records (support.h).
#include "base/crc32.h"
#include "block/partition_table.h"
#include "fuzz/support.h"

namespace vireo::fuzz {
namespace {

u64 load(Bytes bytes, u64 offset, usize count) {
    return FuzzedData(reinterpret_cast<const u8*>(bytes.data()) + offset, count).number<u64>();
}
void store32(MutableBytes bytes, u64 offset, u32 value) {
    for (unsigned i = 0; i < 4; ++i)
        bytes[offset + i] = static_cast<std::byte>(value >> (8 * i));
}

// A table with a wrong checksum is not looked at any further; few mutations would keep it right.
void put_checksums_right(MutableBytes disk, u64 header, u32 block_bytes) {
    if (!range_fits(header, 512, disk.size()))
        return;
    u64 entries = load(disk, header + 72, 8) % (disk.size() / block_bytes) * block_bytes;
    u64 bytes = load(disk, header + 80, 4) * load(disk, header + 84, 4);
    if (range_fits(entries, bytes, disk.size()))
        store32(disk, header + 88, crc32(disk.subspan(entries, bytes)));
    u64 header_bytes = load(disk, header + 12, 4);
    store32(disk, header + 16, 0);
    if (range_fits(header, header_bytes, disk.size()))
        store32(disk, header + 16, crc32(disk.subspan(header, header_bytes)));
}

void check(MemoryDisk& disk, const block::PartitionTable& table) {
    using block::TableType;
    require(table.type != TableType::None || table.partitions.size() == 0, "no partitions without a table");
    for (const block::Partition& partition : table.partitions) {
        require(partition.number > 0 && table.find(partition.number) == &partition, "each number once");
        require(partition.block_count > 0 && partition.first_block > 0, "no partition covers the table");
        require(range_fits(partition.first_block, partition.block_count, disk.facts().block_count),
                "a partition lies on its disk");
        std::string_view name(partition.name, strnlen(partition.name, sizeof(partition.name)));
        require(name.size() < sizeof(partition.name), "a name ends");
        for (char c : name)
            require(static_cast<u8>(c) >= 0x20 && c != 0x7f, "a name has no control characters");
    }
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    fuzz::FuzzedData input(data, size);
    fuzz::Surroundings surroundings;
    u8 flags = input.byte();
    u32 block_bytes = flags & 1 ? 4096 : 512;
    u64 bytes = u64{1 + input.below(512)} * block_bytes;
    event::EventLoop loop;
    fuzz::MemoryDisk disk(loop, bytes, block_bytes);
    disk.lay_out(input);
    if (flags & 2)
        for (u64 header : {u64{block_bytes}, bytes - block_bytes})
            fuzz::put_checksums_right(disk.bytes(), header, block_bytes);
    auto table = std::make_unique<block::PartitionTable>();
    if (block::read_partition_table(disk, *table))
        fuzz::check(disk, *table);
    fuzz::require(disk.requests_issued() < 1000, "a bounded number of requests");
    return 0;
}
