// SPDX-License-Identifier: Apache-2.0
#include "block/gpt.h"

#include "base/crc32.h"
#include "block/partition_wire.h"

namespace vireo::block {

namespace {

// More entries than any tool makes; a bound on the time that a header can cost.
constexpr u64 most_entry_bytes = 1024 * 1024;
constexpr u32 largest_entry = 4096;

using Number = FindingKind::Number;
constexpr FindingKind backup_used{"GPT: the primary table cannot be used", Number::None,
                                  "the backup serves instead"};
constexpr FindingKind outside_usable{"GPT: partition", Number::Partition,
                                     "outside the usable blocks; used all the same"};
constexpr FindingKind cut{"GPT: partition", Number::Partition,
                          "reaches beyond the end of the disk; cut there"};
constexpr FindingKind off_disk{"GPT: partition", Number::Partition, "behind the end of the disk; left out"};
constexpr FindingKind backwards{"GPT: partition", Number::Partition, "ends before it starts; left out"};
constexpr FindingKind covers_table{"GPT: partition", Number::Partition, "covers the table; left out"};
constexpr FindingKind too_many{"GPT: partition", Number::Partition,
                               "more than the 128 that are used; left out"};
static_assert(PartitionTable::max_partitions == 128);

// UEFI table 5-7: C12A7328-F81F-11D2-BA4B-00A0C93EC93B, as on disk.
constexpr u8 efi_system_type[16] = {0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
                                    0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b};
constexpr u64 legacy_bios_bootable = 4; // UEFI table 5-8, bit 2

Error corrupt(const char* what) { return error(ErrorCode::Corrupt, what); }

bool is_zero(std::span<const u8> bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](u8 byte) { return byte == 0; });
}

// The blocks that the entries take.
u64 entry_blocks(const wire::GptHeader& header, u32 block_bytes) {
    return (u64{header.entry_count} * header.entry_bytes + block_bytes - 1) / block_bytes;
}

// Reads and checks the header in `block` (UEFI 5.3.2: signature, checksum, own position; then the entries'
// checksum). `buffer` is a multiple of the block size.
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

// UTF-16 to UTF-8. Each unit becomes at most three bytes, a pair of surrogates four: 36 units
// fit in 108 bytes.
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

// Whether the blocks [first, first + count) hold part of the table that `header` describes: block 0, the
// place of the primary header, this header, or its entries.
bool overlaps_table(const wire::GptHeader& header, u64 table_blocks, u64 first, u64 count) {
    return first < 2 || ranges_overlap(first, count, header.my_block, 1) ||
           ranges_overlap(first, count, header.entries_block, table_blocks);
}

// Adds the partition of one entry. UEFI 5.3.1 wants it between the first and the last usable block; as long
// as it lies on the disk and not over the table there is no reason to hide it (disks from cloud images and
// grown ones have such entries).
void add(PartitionTable& table, const wire::GptHeader& header, const device::BlockFacts& facts, u32 number,
         const wire::GptEntry& entry) {
    if (is_zero(entry.type_guid))
        return;
    const u64 first = entry.first_block;
    if (first > entry.last_block)
        return table.findings.add(backwards, number);
    if (first >= facts.block_count)
        return table.findings.add(off_disk, number);
    const u64 last = std::min<u64>(entry.last_block, facts.block_count - 1);
    const u64 count = last - first + 1;
    if (overlaps_table(header, entry_blocks(header, facts.block_bytes), first, count))
        return table.findings.add(covers_table, number);
    Partition partition{};
    partition.number = number;
    partition.first_block = first;
    partition.block_count = count;
    partition.attributes = entry.attributes;
    partition.bootable = (entry.attributes & legacy_bios_bootable) != 0 ||
                         std::memcmp(entry.type_guid, efi_system_type, sizeof(efi_system_type)) == 0;
    std::memcpy(partition.type_guid, entry.type_guid, sizeof(partition.type_guid));
    std::memcpy(partition.partition_guid, entry.partition_guid, sizeof(partition.partition_guid));
    convert_name(entry.name, partition.name);
    if (!table.partitions.try_push_back(partition))
        return table.findings.add(too_many, number);
    if (last != entry.last_block)
        table.findings.add(cut, number);
    else if (first < header.first_usable_block || last > header.last_usable_block)
        table.findings.add(outside_usable, number);
}

// Reads all entries, in pieces of the buffer, into the table. They count only once the checksum over all of
// them has been seen to be right: until then the caller must be ready to throw the table away.
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
            add(table, header, device.facts(), static_cast<u32>((done + at) / header.entry_bytes) + 1,
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
    if (!done) {
        table.partitions.clear();
        table.findings.clear(); // of entries that do not count
    }
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
        // Where the primary header says, if it can be believed (the disk may have grown since);
        // else in the last block.
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
        table.findings.add(backup_used, 0, primary.error().what);
    }
    table.type = TableType::Gpt;
    return {};
}

} // namespace vireo::block
