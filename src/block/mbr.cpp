// SPDX-License-Identifier: Apache-2.0
#include "block/mbr.h"

namespace vireo::block {

namespace {

using Number = FindingKind::Number;
constexpr FindingKind cut{"MBR: partition", Number::Partition,
                          "reaches beyond the end of the disk; cut there"};
constexpr FindingKind off_disk{"MBR: partition", Number::Partition, "behind the end of the disk; left out"};
constexpr FindingKind covers_table{"MBR: partition", Number::Partition, "covers the table; left out"};
constexpr FindingKind empty{"MBR: partition", Number::Partition, "has no blocks; left out"};
constexpr FindingKind too_many{"MBR: partition", Number::Partition,
                               "more than the 128 that are used; left out"};
constexpr FindingKind garbage{"MBR: record of logical partitions in block", Number::Other,
                              "its third or fourth entry leads out of the extended partition; left out"};
constexpr FindingKind damaged_record{"MBR: record of logical partitions in block", Number::Other,
                                     "damaged; the chain ends there"};
constexpr FindingKind unreadable_record{"MBR: record of logical partitions in block", Number::Other,
                                        "cannot be read; the chain ends there"};
constexpr FindingKind chain_leaves{"MBR: record of logical partitions in block", Number::Other,
                                   "outside the extended partition; used all the same"};
constexpr FindingKind chain_off_disk{"MBR: record of logical partitions in block", Number::Other,
                                     "behind the end of the disk; the chain ends there"};
constexpr FindingKind chain_loops{"MBR: record of logical partitions in block", Number::Other,
                                  "the chain comes back to it; it ends there"};
constexpr FindingKind chain_too_long{"MBR: record of logical partitions in block", Number::Other,
                                     "more than 128 records; the chain ends there"};
static_assert(PartitionTable::max_partitions == 128);

bool can_be_entry(const wire::MbrEntry& entry) { return (entry.boot_indicator & 0x7f) == 0; }
bool is_used(const wire::MbrEntry& entry) { return entry.type != 0 && entry.block_count != 0; }
bool is_empty(const wire::MbrEntry& entry) { return entry.type != 0 && entry.block_count == 0; }

// A FAT or NTFS boot sector ends in the same signature as an MBR, and its code may lie where the entries
// would be. Its parameter block gives it away: sector size (offset 11) and sectors per cluster (13) are
// powers of two, there are one or two FATs (16; NTFS: none, but a name at 3).
bool looks_like_boot_sector(const wire::Mbr& mbr) {
    const u8* bytes = mbr.code;
    u32 sector_bytes = bytes[11] | bytes[12] << 8;
    bool parameters = sector_bytes >= 512 && sector_bytes <= 4096 && std::has_single_bit(sector_bytes) &&
                      std::has_single_bit(bytes[13]);
    return parameters && (bytes[16] == 1 || bytes[16] == 2 || std::memcmp(bytes + 3, "NTFS", 4) == 0);
}

// Adds the partition of one entry, which starts at `first_block` of the disk.
void add(PartitionTable& table, u32 number, u64 first_block, const wire::MbrEntry& entry, u64 disk_blocks) {
    // Block 0 is the table's own: a partition from there on (hybrid images have them) would cover it.
    if (first_block == 0)
        return table.findings.add(covers_table, number);
    if (first_block >= disk_blocks)
        return table.findings.add(off_disk, number);
    Partition partition{};
    partition.number = number;
    partition.first_block = first_block;
    partition.block_count = std::min<u64>(entry.block_count, disk_blocks - first_block);
    partition.bootable = entry.boot_indicator == 0x80 || entry.type == wire::mbr_type_efi_system;
    partition.mbr_type = entry.type;
    if (!table.partitions.try_push_back(partition))
        return table.findings.add(too_many, number);
    if (partition.block_count != entry.block_count)
        table.findings.add(cut, number);
}

// The chains of extended boot records: each record describes one logical partition and names the next record.
// Links may lead anywhere, so each must stay on the disk and none may come twice.
class LogicalPartitions {
  public:
    LogicalPartitions(device::BlockDevice& device, MutableBytes scratch, PartitionTable& table)
        : device_(device), scratch_(scratch), table_(table) {}

    // Follows the chain of the extended partition [first, first + count), which lies on the disk.
    Result<> follow(u64 first, u64 count);

  private:
    u64 disk_blocks() const { return device_.facts().block_count; }
    // Adds what the record in block `record` describes; the block of the next one, 0 if the chain ends.
    u64 take(const wire::Mbr& ebr, u64 record, u64 first, u64 count);
    // False, and said, if the chain does not go on in block `record`.
    bool may_follow(u64 record);

    device::BlockDevice& device_;
    MutableBytes scratch_;
    PartitionTable& table_;
    FixedVector<u64, PartitionTable::max_partitions> seen_;
    u32 number_ = 5;
};

// The first two entries are the partition and the link. The others should be empty; tools have left garbage
// there, which counts only if it lies in the extended partition (Linux does the same).
u64 LogicalPartitions::take(const wire::Mbr& ebr, u64 record, u64 first, u64 count) {
    u64 next = 0;
    for (usize i = 0; i < std::size(ebr.entries); ++i) {
        const wire::MbrEntry& entry = ebr.entries[i];
        if (!is_used(entry))
            continue;
        if (wire::is_extended(entry.type)) {
            if (next == 0)
                next = first + entry.first_block;
            continue;
        }
        u64 block = record + entry.first_block;
        bool is_inside = block >= first && range_fits(block - first, entry.block_count, count);
        if (i < 2 || (is_inside && can_be_entry(entry)))
            add(table_, number_++, block, entry, disk_blocks());
        else
            table_.findings.add(garbage, record);
    }
    return next;
}

bool LogicalPartitions::may_follow(u64 record) {
    const FindingKind* obstacle = nullptr;
    if (record >= disk_blocks())
        obstacle = &chain_off_disk;
    else if (std::find(seen_.begin(), seen_.end(), record) != seen_.end())
        obstacle = &chain_loops;
    else if (!seen_.try_push_back(record))
        obstacle = &chain_too_long;
    if (obstacle)
        table_.findings.add(*obstacle, record);
    return !obstacle;
}

Result<> LogicalPartitions::follow(u64 first, u64 count) {
    for (u64 record = first; may_follow(record);) {
        if (Result<> read = device_.read(record, scratch_); !read) {
            if (read.error().code != ErrorCode::Io)
                return read;
            table_.findings.add(unreadable_record, record, read.error().what);
            return {};
        }
        wire::Mbr ebr = *read_struct<wire::Mbr>(scratch_);
        if (ebr.signature != wire::mbr_signature || !can_be_entry(ebr.entries[0]) ||
            !can_be_entry(ebr.entries[1])) {
            table_.findings.add(damaged_record, record);
            return {};
        }
        u64 next = take(ebr, record, first, count);
        if (next == 0)
            return {};
        if (next - first >= count && next < disk_blocks())
            table_.findings.add(chain_leaves, next);
        record = next;
    }
    return {};
}

} // namespace

MbrVerdict judge_mbr(const wire::Mbr& mbr) {
    MbrVerdict verdict;
    if (mbr.signature != wire::mbr_signature) {
        verdict.is_blank = true;
        return verdict;
    }
    bool any_used = false;
    for (const wire::MbrEntry& entry : mbr.entries) {
        if (!can_be_entry(entry))
            return {};
        any_used = any_used || is_used(entry);
        verdict.is_protective = verdict.is_protective || entry.type == wire::mbr_type_protective;
    }
    // An empty table is a table if someone gave the disk a signature; else it is any block
    // that ends in 0x55aa.
    verdict.is_table = any_used || (mbr.disk_signature != 0 && !looks_like_boot_sector(mbr));
    return verdict;
}

Result<> read_mbr(device::BlockDevice& device, const wire::Mbr& mbr, MutableBytes scratch,
                  PartitionTable& table) {
    const u64 disk_blocks = device.facts().block_count;
    bool any_used = false;
    table.type = TableType::Mbr;
    table.mbr_signature = mbr.disk_signature;
    for (u32 i = 0; i < 4; ++i) {
        const wire::MbrEntry& entry = mbr.entries[i];
        if (is_empty(entry))
            table.findings.add(empty, i + 1);
        if (is_used(entry) && entry.type != wire::mbr_type_protective) {
            any_used = true;
            add(table, i + 1, entry.first_block, entry, disk_blocks);
        }
    }
    // After the primary ones, so that the list is in the order of the numbers. What is wrong with the
    // extended partition as one of those has been noted above.
    LogicalPartitions logical(device, scratch, table);
    for (const wire::MbrEntry& entry : mbr.entries) {
        u64 first = entry.first_block;
        if (is_used(entry) && wire::is_extended(entry.type) && first != 0 && first < disk_blocks)
            VIREO_TRY(logical.follow(first, std::min<u64>(entry.block_count, disk_blocks - first)));
    }
    if (any_used && table.partitions.is_empty())
        return error(ErrorCode::Corrupt, "MBR: no partition lies on the disk");
    return {};
}

} // namespace vireo::block
