// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/block_map.h"

namespace vireo::fs::ext4 {

namespace {

using Pointer = Le<u32>;
constexpr usize direct_pointers = 12;
constexpr usize levels = 3; // indirect, double indirect, triple indirect

Pointer pointer_at(Bytes bytes, u64 index) {
    return *read_struct<Pointer>(bytes, static_cast<usize>(index * sizeof(Pointer)));
}

// The run that starts at pointer `index` of `count`: as long as the pointers count upwards, or are all zero.
Result<Run> run_of_pointers(const Layout& layout, Bytes bytes, u64 index, u64 count) {
    u64 first = pointer_at(bytes, index);
    u64 length = 1;
    while (index + length < count && pointer_at(bytes, index + length) == (first == 0 ? 0 : first + length))
        ++length;
    if (first != 0 && !layout.contains(first, length))
        return error(ErrorCode::Corrupt, "ext4: block map leads outside the file system");
    return Run{first, length};
}

// A file that is read from front to back will ask for the blocks of pointers after `index` next: with one
// transfer for many of them the disk is kept busy.
Result<> prefetch_siblings(Storage& storage, Bytes bytes, u64 index, u64 count) {
    std::array<u64, 16> offsets;
    usize wanted = 0;
    for (; index < count && wanted < offsets.size(); ++index)
        if (u64 block = pointer_at(bytes, index); storage.layout().contains(block, 1))
            offsets[wanted++] = block * storage.layout().block_bytes;
    VIREO_TRY(storage.volume().prefetch({offsets.data(), wanted}, storage.layout().block_bytes));
    return {};
}

} // namespace

// "Direct/Indirect Block Addressing": 12 pointers to blocks, then one to a block of pointers, one to a block
// of pointers to those, one to a block of pointers to those.
Result<Run> find_in_pointers(Storage& storage, const Inode& inode, MapNodes& nodes, u64 logical) {
    const Layout& layout = storage.layout();
    const Bytes root(inode.block);
    if (logical < direct_pointers)
        return run_of_pointers(layout, root, logical, direct_pointers);

    const u64 per_block = layout.block_bytes / sizeof(Pointer);
    u64 index = logical - direct_pointers;
    u64 covered = per_block; // blocks of the file below the pointer at hand
    usize depth = 1;
    while (index >= covered) {
        if (depth == levels)
            return error(ErrorCode::Corrupt, "ext4: file is larger than a block map can be");
        index -= covered;
        covered *= per_block;
        ++depth;
    }
    Bytes bytes = root;
    u64 at = direct_pointers + depth - 1;
    for (usize level = 0; level < depth; ++level) {
        u64 block = pointer_at(bytes, at);
        if (block == 0)
            return Run{0, covered - index};
        if (!nodes.holds(level, block)) {
            if (level > 0)
                VIREO_TRY(prefetch_siblings(storage, bytes, at, per_block));
            VIREO_TRY(nodes.load(storage, level, block));
        }
        bytes = nodes.bytes(level);
        covered /= per_block;
        at = index / covered;
        index %= covered;
    }
    return run_of_pointers(layout, bytes, at, per_block);
}

} // namespace vireo::fs::ext4
