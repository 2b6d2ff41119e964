// SPDX-License-Identifier: Apache-2.0
#include "block/mbr.h"

#include "base/log.h"

namespace vireo::block {

namespace {

bool can_be_entry(const wire::MbrEntry& entry) { return (entry.boot_indicator & 0x7f) == 0; }
bool is_used(const wire::MbrEntry& entry) { return entry.type != 0 && entry.block_count != 0; }

// A FAT or NTFS boot sector ends in the same signature as an MBR, and its code may lie where the entries would be. Its
// parameter block gives it away: sector size (offset 11) and sectors per cluster (13) are powers of two, there are one
// or two FATs (16; NTFS: none, but a name at 3).
bool looks_like_boot_sector(const wire::Mbr& mbr) {
    const u8* bytes = mbr.code;
    u32 sector_bytes = bytes[11] | bytes[12] << 8;
    bool parameters = sector_bytes >= 512 && sector_bytes <= 4096 && std::has_single_bit(sector_bytes) &&
                      std::has_single_bit(bytes[13]);
    return parameters && (bytes[16] == 1 || bytes[16] == 2 || std::memcmp(bytes + 3, "NTFS", 4) == 0);
}

void add(PartitionTable& table, u32 number, u64 first_block, const wire::MbrEntry& entry, u64 disk_blocks) {
    // Block 0 is the table's own: a partition from there on (hybrid images have them) would cover it.
    if (first_block == 0 || !range_fits(first_block, entry.block_count, disk_blocks))
        return;
    Partition partition{};
    partition.number = number;
    partition.first_block = first_block;
    partition.block_count = entry.block_count;
    partition.bootable = entry.boot_indicator == 0x80;
    partition.mbr_type = entry.type;
    if (!table.partitions.try_push_back(partition))
        warn("MBR: only the first {} partitions are used", PartitionTable::max_partitions);
}

// Follows the chain of extended boot records in [first, first + count): each describes one logical partition and
// names the next record. Links may lead anywhere, so each must stay inside and none may come twice.
Result<> read_logical(device::BlockDevice& device, u64 first, u64 count, MutableBytes scratch,
                      PartitionTable& table) {
    FixedVector<u64, PartitionTable::max_partitions> seen;
    u32 number = 5;
    for (u64 record = first;;) {
        if (std::find(seen.begin(), seen.end(), record) != seen.end()) {
            warn("MBR: the chain of logical partitions loops");
            return {};
        }
        if (!seen.try_push_back(record)) {
            warn("MBR: only the first {} logical partitions are used", PartitionTable::max_partitions);
            return {};
        }
        VIREO_TRY(device.read(record, scratch));
        wire::Mbr ebr = *read_struct<wire::Mbr>(scratch);
        bool plausible = ebr.signature == wire::mbr_signature;
        for (const wire::MbrEntry& entry : ebr.entries)
            plausible = plausible && can_be_entry(entry);
        if (!plausible) {
            warn("MBR: a record of the chain of logical partitions is damaged");
            return {};
        }
        u64 next = 0;
        for (const wire::MbrEntry& entry : ebr.entries) {
            if (!is_used(entry))
                continue;
            if (!wire::is_extended(entry.type))
                add(table, number++, record + entry.first_block, entry, device.facts().block_count);
            else if (next == 0)
                next = first + entry.first_block;
        }
        if (next == 0)
            return {};
        if (!range_fits(next, 1, first + count) || next < first) {
            warn("MBR: the chain of logical partitions leads out of the extended partition");
            return {};
        }
        record = next;
    }
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
    // An empty table is a table if someone gave the disk a signature; else it is any block that ends in 0x55aa.
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
        if (is_used(entry) && entry.type != wire::mbr_type_protective) {
            any_used = true;
            add(table, i + 1, entry.first_block, entry, disk_blocks);
        }
    }
    // After the primary ones, so that the list is in the order of the numbers.
    for (const wire::MbrEntry& entry : mbr.entries) {
        if (!is_used(entry) || !wire::is_extended(entry.type))
            continue;
        if (entry.first_block != 0 && range_fits(entry.first_block, entry.block_count, disk_blocks))
            VIREO_TRY(read_logical(device, entry.first_block, entry.block_count, scratch, table));
        break; // there is at most one extended partition
    }
    if (any_used && table.partitions.is_empty())
        return error(ErrorCode::Corrupt, "MBR: no partition lies on the disk");
    return {};
}

} // namespace vireo::block
