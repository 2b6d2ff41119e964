// SPDX-License-Identifier: Apache-2.0
#include "block/partition_table.h"

#include "autoconf.h"
#include "block/gpt.h"
#include "block/mbr.h"

namespace vireo::block {

const Partition* PartitionTable::find(u32 number) const {
    for (const Partition& partition : partitions)
        if (partition.number == number)
            return &partition;
    return nullptr;
}

const Partition* PartitionTable::find_by_name(std::string_view name) const {
    for (const Partition& partition : partitions)
        if (partition.name[0] != '\0' && name == partition.name)
            return &partition;
    return nullptr;
}

Result<> read_partition_table(device::BlockDevice& device, PartitionTable& table) {
    table.type = TableType::None;
    table.mbr_signature = 0;
    table.findings.clear();
    table.partitions.clear();
    const device::BlockFacts& facts = device.facts();
    if (facts.block_count == 0)
        return {};
    auto block = VIREO_TRY(OwnedArray<std::byte>::create(facts.block_bytes));
    VIREO_TRY(device.read(0, block));
    wire::Mbr mbr = *read_struct<wire::Mbr>(block);
    [[maybe_unused]] MbrVerdict verdict = judge_mbr(mbr); // a build may have neither kind of table

#ifdef CONFIG_PARTITION_GPT
    if (verdict.is_protective)
        return read_gpt(device, true, table);
    if (verdict.is_blank) {
        // Only block 0 is gone: a sound primary header still tells where everything is.
        Result<> gpt = read_gpt(device, false, table);
        return gpt || gpt.error().code == ErrorCode::Corrupt || gpt.error().code == ErrorCode::Io ? Result<>()
                                                                                                  : gpt;
    }
#endif
#ifdef CONFIG_PARTITION_MBR
    if (verdict.is_table)
        return read_mbr(device, mbr, block, table);
#endif
    return {};
}

} // namespace vireo::block
