// SPDX-License-Identifier: Apache-2.0
#include "block/gpt.h"

#include "base/crc32.h"
#include "base/log.h"
#include "block/partition_wire.h"

namespace vireo::block {

namespace {

// More entries than any tool makes; a bound on the time that a header can cost.
constexpr u64 most_entry_bytes = 1024 * 1024;
constexpr u32 largest_entry = 4096;

Error corrupt(const char* what) { return error(ErrorCode::Corrupt, what); }

bool is_zero(std::span<const u8> bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](u8 byte) { return byte == 0; });
}

// The blocks that the entries take.
u64 entry_blocks(const wire::GptHeader& header, u32 block_bytes) {
    return (u64{header.entry_count} * header.entry_bytes + block_bytes - 1) / block_bytes;
}

// Reads and checks the header in `block` (UEFI 5.3.2: signature, checksum, own position; then the entries' checksum).
// `buffer` is a multiple of the block size.
Result<wire::GptHeader> read_header(device::BlockDevice& device, u64 block, MutableBytes buffer) {
    const device::BlockFacts& facts = device.facts();
    MutableBytes bytes = buffer.first(facts.block_bytes);
    VIREO_TRY(device.read(block, bytes));
    wire::GptHeader header = *read_struct<wire::GptHeader>(bytes);
    if (std::memcmp(header.signature, "EFI PART", 8) != 0)
        return corrupt("GPT: no header signature");
    if (header.header_bytes < sizeof(wire::GptHeader) || header.header_bytes > facts.block_bytes)
        return corrupt("GPT: header size");
    std::memset(bytes.data() + offsetof(wire::GptHeader, header_crc), 0, sizeof(header.header_crc));
    if (crc32(bytes.first(header.header_bytes)) != header.header_crc)
        return corrupt("GPT: header checksum");
    if (header.revision >> 16 != 1)
        return corrupt("GPT: revision");
    if (header.my_block != block)
        return corrupt("GPT: header is not where it says it is");
    if (header.entry_bytes < sizeof(wire::GptEntry) || header.entry_bytes > largest_entry ||
        !std::has_single_bit(header.entry_bytes.get()))
        return corrupt("GPT: entry size");
    u64 entry_bytes = u64{header.entry_count} * header.entry_bytes;
    if (entry_bytes > most_entry_bytes)
        return corrupt("GPT: too many entries");
    u64 blocks = entry_blocks(header, facts.block_bytes);
    if (header.entries_block == 0 || !range_fits(header.entries_block, blocks, facts.block_count) ||
        ranges_overlap(header.entries_block, blocks, block, 1))
        return corrupt("GPT: place of the entries");
    if (header.first_usable_block > header.last_usable_block || header.last_usable_block >= facts.block_count)
        return corrupt("GPT: usable blocks reach beyond the disk");
    return header;
}

// UTF-16 to UTF-8. Each unit becomes at most three bytes, a pair of surrogates four: 36 units fit in 108 bytes.
void convert_name(const Le<u16> (&units)[36], char (&name)[109]) {
    usize length = 0;
    auto put = [&](u32 byte) { name[length++] = static_cast<char>(byte); };
    for (usize i = 0; i < 36 && units[i] != 0; ++i) {
        u32 code = units[i];
        bool is_high = (code & 0xfc00) == 0xd800;
        if (is_high && i + 1 < 36 && (units[i + 1] & 0xfc00) == 0xdc00)
            code = 0x10000 + ((code & 0x3ff) << 10) + (units[++i] & 0x3ff);
        else if ((code & 0xf800) == 0xd800)
            code = 0xfffd; // half a pair
        if (code < 0x20 || (code >= 0x7f && code < 0xa0))
            code = '?'; // must not reach a terminal
        if (code < 0x80) {
            put(code);
        } else if (code < 0x800) {
            put(0xc0 | code >> 6);
            put(0x80 | (code & 0x3f));
        } else if (code < 0x10000) {
            put(0xe0 | code >> 12);
            put(0x80 | (code >> 6 & 0x3f));
            put(0x80 | (code & 0x3f));
        } else {
            put(0xf0 | code >> 18);
            put(0x80 | (code >> 12 & 0x3f));
            put(0x80 | (code >> 6 & 0x3f));
            put(0x80 | (code & 0x3f));
        }
    }
    name[length] = '\0';
}

// Adds the partition of one entry, if it lies between the tables as UEFI 5.3.1 demands.
void add(PartitionTable& table, const wire::GptHeader& header, u64 table_blocks, u32 number,
         const wire::GptEntry& entry) {
    if (is_zero(entry.type_guid))
        return;
    u64 first_usable = std::max<u64>(header.first_usable_block, 2);
    if (entry.first_block < first_usable || entry.last_block > header.last_usable_block ||
        entry.first_block > entry.last_block)
        return;
    if (ranges_overlap(entry.first_block, entry.last_block - entry.first_block + 1, header.entries_block,
                       table_blocks))
        return;
    Partition partition{};
    partition.number = number;
    partition.first_block = entry.first_block;
    partition.block_count = entry.last_block - entry.first_block + 1;
    partition.attributes = entry.attributes;
    partition.bootable = entry.attributes & 4; // UEFI table 5-8, bit 2: legacy BIOS bootable
    std::memcpy(partition.type_guid, entry.type_guid, sizeof(partition.type_guid));
    std::memcpy(partition.partition_guid, entry.partition_guid, sizeof(partition.partition_guid));
    convert_name(entry.name, partition.name);
    if (!table.partitions.try_push_back(partition))
        warn("GPT: only the first {} partitions are used", PartitionTable::max_partitions);
}

// Reads all entries, in pieces of the buffer, into the table. They count only once the checksum over all of them has
// been seen to be right: until then the caller must be ready to throw the table away.
Result<> read_entries(device::BlockDevice& device, const wire::GptHeader& header, MutableBytes buffer,
                      PartitionTable& table) {
    const u32 block_bytes = device.facts().block_bytes;
    const u64 total = u64{header.entry_count} * header.entry_bytes;
    u32 crc = 0;
    for (u64 done = 0; done < total;) {
        usize bytes = static_cast<usize>(std::min<u64>(total - done, buffer.size()));
        MutableBytes blocks = buffer.first(align_up<usize>(bytes, block_bytes));
        VIREO_TRY(device.read(header.entries_block + done / block_bytes, blocks));
        crc = crc32(blocks.first(bytes), crc);
        // The buffer is a multiple of every entry size: no entry straddles two pieces.
        for (usize at = 0; at < bytes; at += header.entry_bytes)
            add(table, header, entry_blocks(header, block_bytes),
                static_cast<u32>((done + at) / header.entry_bytes) + 1,
                *read_struct<wire::GptEntry>(blocks, at));
        done += bytes;
    }
    if (crc != header.entries_crc)
        return corrupt("GPT: checksum of the entries");
    return {};
}

Result<> read_table_at(device::BlockDevice& device, u64 block, MutableBytes buffer, PartitionTable& table) {
    wire::GptHeader header = VIREO_TRY(read_header(device, block, buffer));
    Result<> done = read_entries(device, header, buffer, table);
    if (!done)
        table.partitions.clear();
    return done;
}

// A failure that another copy of the table can make up for: bad data, or blocks that cannot be read.
bool backup_may_help(const Error& why) { return why.code == ErrorCode::Corrupt || why.code == ErrorCode::Io; }

} // namespace

Result<> read_gpt(device::BlockDevice& device, bool allow_backup, PartitionTable& table) {
    const device::BlockFacts& facts = device.facts();
    if (facts.block_count < 3)
        return corrupt("GPT: disk too small");
    constexpr usize piece_bytes = 32 * 1024;
    auto buffer = VIREO_TRY(OwnedArray<std::byte>::create(std::max<usize>(piece_bytes, facts.block_bytes)));

    Result<> primary = read_table_at(device, 1, buffer, table);
    if (!primary) {
        if (!allow_backup || !backup_may_help(primary.error()))
            return primary;
        // Where the primary header says, if it can be believed (the disk may have grown since); else in the last block.
        u64 last = facts.block_count - 1;
        Result<wire::GptHeader> header = read_header(device, 1, buffer);
        u64 named = header ? header->alternate_block.get() : last;
        Result<> backup = error(ErrorCode::Corrupt, "GPT: no backup");
        if (named > 1 && named < last)
            backup = read_table_at(device, named, buffer, table);
        if (!backup && backup_may_help(backup.error()))
            backup = read_table_at(device, last, buffer, table);
        if (!backup)
            return backup_may_help(backup.error()) ? primary : backup;
        table.used_backup = true;
    }
    table.type = TableType::Gpt;
    return {};
}

} // namespace vireo::block
