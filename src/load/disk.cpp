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

Outcome<block::Volume> made(Result<block::Volume> volume, Kind otherwise) {
    if (!volume)
        return failed(otherwise, volume.error());
    return std::move(*volume);
}

Outcome<fs::File> open_file(const DiskFile& place) {
    auto file = place.files.open(place.path);
    if (!file)
        return failed(Kind::File, file.error());
    if (file->info().type == fs::FileType::Directory)
        return failed(Kind::File, error(ErrorCode::IsADirectory, "a file is wanted"));
    return *file;
}

} // namespace

Result<std::unique_ptr<block::PartitionTable>> read_table(device::BlockDevice& disk) {
    auto table = VIREO_TRY(make_owned<block::PartitionTable>());
    VIREO_TRY(block::read_partition_table(disk, *table));
    return table;
}

Outcome<block::Volume> open_volume(device::BlockDevice& disk, std::string_view partition, Watcher& watcher) {
    PartitionWish wish = parse_wish(partition);
    if (wish.kind == PartitionWish::Kind::Bad)
        return failed(Kind::BadPartition);
    if (wish.kind == PartitionWish::Kind::Number && wish.number == 0)
        return made(block::Volume::whole(disk), Kind::Whole);
    auto table = read_table(disk);
    if (!table)
        return failed(Kind::Table, table.error());
    watcher.found((*table)->findings);
    if ((*table)->type == block::TableType::None) {
        if (wish.kind == PartitionWish::Kind::Default)
            return made(block::Volume::whole(disk), Kind::Whole);
        return failed(Kind::NoTable);
    }
    const block::Partition* part = wanted_partition(wish, **table);
    if (!part)
        return failed(Kind::NoPartition);
    return made(block::Volume::create(disk, part->first_block, part->block_count), Kind::Partition);
}

Outcome<fs::FileSystem> mount(block::Volume volume) {
    auto mounted = fs::mount(std::move(volume));
    if (mounted)
        return std::move(*mounted);
    return failed(mounted.error().code == ErrorCode::NotSupported ? Kind::UnknownFileSystem : Kind::Mount,
                  mounted.error());
}

Outcome<Loaded> load(const DiskFile& place, const FreeMemory& memory, const Part& part, Watcher& watcher) {
    auto file = open_file(place);
    if (!file)
        return std::unexpected(file.error());
    const u64 file_bytes = file->info().bytes;
    if (part.offset > file_bytes)
        return failed(Kind::File, error(ErrorCode::OutOfRange, "position beyond the end of file"));
    u64 bytes = file_bytes - part.offset;
    if (part.limit != 0)
        bytes = std::min(bytes, part.limit);
    auto target = writable_memory(memory.map, memory.machine, memory.address, bytes);
    if (!target)
        return std::unexpected(Failure{.kind = Kind::Memory, .memory = target.error()});
    auto read = file->read(part.offset, *target);
    if (!read)
        return failed(Kind::File, read.error());
    watcher.moved(*read, bytes);
    return Loaded{.bytes = *read, .file_bytes = file_bytes};
}

Outcome<Loaded> load(const DiskFile& place, std::span<const FilePiece> pieces, Watcher& watcher) {
    auto file = open_file(place);
    if (!file)
        return std::unexpected(file.error());
    const u64 file_bytes = file->info().bytes;
    if (auto good = check_pieces(pieces); !good)
        return std::unexpected(good.error());
    if (auto inside = check_inside(pieces, file_bytes); !inside)
        return std::unexpected(inside.error());
    u64 bytes = 0;
    for (const FilePiece& piece : pieces) {
        auto read = file->read(piece.offset, piece.memory);
        if (!read)
            return failed(Kind::File, read.error());
        watcher.moved(bytes += *read, bytes_of(pieces));
    }
    return Loaded{.bytes = bytes, .file_bytes = file_bytes};
}

} // namespace vireo::load
