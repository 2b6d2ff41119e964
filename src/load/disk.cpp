// SPDX-License-Identifier: Apache-2.0
#include "load/disk.h"

#include "base/parse.h"

namespace vireo::load {

using Kind = Failure::Kind;

PartitionWish parse_wish(std::string_view text) {
    using Wish = PartitionWish::Kind;
    if (text.empty() || text == ":" || text == ":auto")
        return {Wish::Default};
    if (text.starts_with('#'))
        return {Wish::Name, 0, text.substr(1)};
    auto number = parse_number(text.substr(1), 16);
    return number ? PartitionWish{Wish::Number, *number} : PartitionWish{Wish::Bad};
}

const block::Partition* default_partition(const block::PartitionTable& table) {
    for (const block::Partition& part : table.partitions)
        if (part.bootable)
            return &part;
    if (const block::Partition* first = table.find(1))
        return first;
    return table.partitions.is_empty() ? nullptr : &table.partitions[0];
}

namespace {

const block::Partition* wanted_partition(const PartitionWish& wish, const block::PartitionTable& table) {
    switch (wish.kind) {
    case PartitionWish::Kind::Default:
        return default_partition(table);
    case PartitionWish::Kind::Number:
        return wish.number <= ~u32{0} ? table.find(static_cast<u32>(wish.number)) : nullptr;
    case PartitionWish::Kind::Name:
        return table.find_by_name(wish.name);
    case PartitionWish::Kind::Bad:
        break;
    }
    return nullptr;
}

// Of a disk, and what it is called where it cannot be used.
struct Extent {
    u64 first_block;
    u64 block_count;
    Kind if_unusable;
};

Outcome<Extent> find_part(device::BlockDevice& disk, std::string_view partition, Watcher& watcher) {
    Failure& failure = watcher.failure;
    const Extent whole{0, disk.facts().block_count, Kind::Whole};
    const PartitionWish wish = parse_wish(partition);
    if (wish.kind == PartitionWish::Kind::Bad)
        return failure.is(Kind::BadPartition);
    if (wish.kind == PartitionWish::Kind::Number && wish.number == 0)
        return whole;
    auto table = read_table(disk);
    if (!table)
        return failure.is(Kind::Table, table.error());
    watcher.found((*table)->findings);
    if ((*table)->type == block::TableType::None) {
        if (wish.kind == PartitionWish::Kind::Default)
            return whole;
        return failure.is(Kind::NoTable);
    }
    const block::Partition* part = wanted_partition(wish, **table);
    if (!part)
        return failure.is(Kind::NoPartition);
    return Extent{part->first_block, part->block_count, Kind::Partition};
}

Outcome<fs::File> open_file(const DiskFile& place, Failure& failure) {
    auto file = place.files.open(place.path);
    if (!file)
        return failure.is(Kind::File, file.error());
    if (file->info().type == fs::FileType::Directory)
        return failure.is(Kind::File, error(ErrorCode::IsADirectory, "a file is wanted"));
    return *file;
}

} // namespace

Result<std::unique_ptr<block::PartitionTable>> read_table(device::BlockDevice& disk) {
    auto table = VIREO_TRY(make_owned<block::PartitionTable>());
    VIREO_TRY(block::read_partition_table(disk, *table));
    return table;
}

Outcome<block::Volume> open_volume(device::BlockDevice& disk, std::string_view partition, Watcher& watcher) {
    const Extent part = VIREO_TRY(find_part(disk, partition, watcher));
    auto volume = block::Volume::create(disk, part.first_block, part.block_count);
    if (!volume)
        return watcher.failure.is(part.if_unusable, volume.error());
    return std::move(*volume);
}

Outcome<fs::FileSystem> mount(block::Volume volume, Failure& failure) {
    auto mounted = fs::mount(std::move(volume));
    if (mounted)
        return std::move(*mounted);
    return failure.is(mounted.error().code == ErrorCode::NotSupported ? Kind::UnknownFileSystem : Kind::Mount,
                      mounted.error());
}

Outcome<Loaded> load(const DiskFile& place, const FreeMemory& memory, const Part& part, Watcher& watcher) {
    Failure& failure = watcher.failure;
    fs::File file = VIREO_TRY(open_file(place, failure));
    const u64 file_bytes = file.info().bytes;
    const u64 bytes = VIREO_TRY(bytes_of(part, file_bytes, failure));
    auto target = writable_memory(memory.map, memory.machine, memory.address, bytes);
    if (!target)
        return failure.is(target.error());
    auto read = file.read(part.offset, *target);
    if (!read)
        return failure.is(Kind::File, read.error());
    watcher.moved(*read, bytes);
    return Loaded{.bytes = *read, .file_bytes = file_bytes};
}

Outcome<Loaded> load(const DiskFile& place, std::span<const FilePiece> pieces, Watcher& watcher) {
    Failure& failure = watcher.failure;
    fs::File file = VIREO_TRY(open_file(place, failure));
    const u64 file_bytes = file.info().bytes;
    VIREO_TRY(check_pieces(pieces, failure));
    VIREO_TRY(check_inside(pieces, file_bytes, failure));
    u64 bytes = 0;
    for (const FilePiece& piece : pieces) {
        auto read = file.read(piece.offset, piece.memory);
        if (!read)
            return failure.is(Kind::File, read.error());
        watcher.moved(bytes += *read, bytes_of(pieces));
    }
    return Loaded{.bytes = bytes, .file_bytes = file_bytes};
}

} // namespace vireo::load
