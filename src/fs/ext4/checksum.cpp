// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/checksum.h"

#include "base/crc32.h"

namespace vireo::fs::ext4 {

namespace {

constexpr std::byte zeros[4] = {};

u32 crc32c_of_number(u32 number, u32 seed) {
    Le<u32> bytes(number);
    return crc32c(std::as_bytes(std::span(&bytes, 1)), seed);
}

// The checksum over `bytes` with the `length` (2 or 4) bytes at `hole`, where it is stored
// itself, taken as zeros.
u32 crc32c_with_hole(Bytes bytes, usize hole, usize length, u32 seed) {
    seed = crc32c(bytes.first(hole), seed);
    seed = crc32c(Bytes(zeros).first(length), seed);
    return crc32c(bytes.subspan(hole + length), seed);
}

// A node of the hash tree: its count of entries lies at `offset`. The unused part of the node is not covered.
bool index_node_matches(u32 seed, Bytes block, u32 offset) {
    wire::IndexCount count = *read_struct<wire::IndexCount>(block, offset);
    usize entries_end = offset + count.count * sizeof(wire::IndexCount);
    usize tail_at = offset + count.limit * sizeof(wire::IndexCount);
    std::optional<wire::IndexTail> tail = read_struct<wire::IndexTail>(block, tail_at);
    if (!tail || count.count > count.limit)
        return false;
    u32 crc = crc32c(block.first(entries_end), seed);
    crc = crc32c(block.subspan(tail_at, sizeof(tail->reserved)), crc);
    return crc32c(zeros, crc) == tail->checksum;
}

} // namespace

bool group_checksum_matches(const Layout& layout, u32 group, Bytes descriptor) {
    constexpr usize hole = offsetof(wire::GroupDescriptor, checksum);
    Le<u16> stored = *read_struct<Le<u16>>(descriptor, hole);
    if (layout.has_metadata_checksums()) {
        u32 seed = crc32c_of_number(group, layout.checksum_seed);
        return (crc32c_with_hole(descriptor, hole, sizeof(stored), seed) & 0xffff) == stored;
    }
    if (layout.ro_compat & wire::ro_compat_gdt_csum) {
        // The checksum field itself is left out here, not taken as zero.
        Le<u32> number(group);
        u16 crc = crc16(std::as_bytes(std::span(&number, 1)), layout.group_checksum_seed);
        crc = crc16(descriptor.first(hole), crc);
        return crc16(descriptor.subspan(hole + sizeof(stored)), crc) == stored;
    }
    return true;
}

u32 inode_checksum_seed(const Layout& layout, u32 number, u32 generation) {
    return crc32c_of_number(generation, crc32c_of_number(number, layout.checksum_seed));
}

bool inode_checksum_matches(const Layout& layout, u32 number, Bytes record) {
    if (!layout.has_metadata_checksums())
        return true;
    constexpr usize low_at = offsetof(wire::Inode, checksum_lo);
    constexpr usize high_at = offsetof(wire::Inode, checksum_hi);
    constexpr usize high_end = high_at + sizeof(u16);
    Le<u32> generation = *read_struct<Le<u32>>(record, offsetof(wire::Inode, generation));
    u32 stored = *read_struct<Le<u16>>(record, low_at);
    u32 seed = inode_checksum_seed(layout, number, generation);
    u32 crc = crc32c_with_hole(record.first(wire::short_inode_bytes), low_at, sizeof(u16), seed);
    u32 mask = 0xffff;
    if (record.size() > wire::short_inode_bytes) {
        Le<u16> extra = *read_struct<Le<u16>>(record, offsetof(wire::Inode, extra_isize));
        Bytes rest = record.subspan(wire::short_inode_bytes);
        // The upper half has its place in the extra fields, if they reach that far.
        if (wire::short_inode_bytes + extra >= high_end) {
            crc = crc32c_with_hole(rest, high_at - wire::short_inode_bytes, sizeof(u16), crc);
            stored |= u32{*read_struct<Le<u16>>(record, high_at)} << 16;
            mask = ~u32{0};
        } else {
            crc = crc32c(rest, crc);
        }
    }
    return (crc & mask) == stored;
}

bool extent_block_checksum_matches(const Layout& layout, u32 seed, Bytes block) {
    if (!layout.has_metadata_checksums())
        return true;
    wire::ExtentHeader header = *read_struct<wire::ExtentHeader>(block);
    usize tail_at = sizeof(header) + header.max * sizeof(wire::Extent);
    std::optional<Le<u32>> stored = read_struct<Le<u32>>(block, tail_at);
    return stored && crc32c(block.first(tail_at), seed) == *stored;
}

bool directory_block_checksum_matches(const Layout& layout, u32 seed, Bytes block, bool is_first,
                                      bool is_indexed) {
    if (!layout.has_metadata_checksums())
        return true;
    if (is_indexed) {
        if (is_first)
            return index_node_matches(seed, block, wire::index_root_count_offset);
        // The other nodes look like one unused entry over the whole block.
        wire::DirectoryEntry entry = *read_struct<wire::DirectoryEntry>(block);
        u32 whole = block.size() == 65536 ? 65535 : static_cast<u32>(block.size());
        if (entry.inode == 0 && (entry.rec_len == whole || entry.rec_len == block.size()))
            return index_node_matches(seed, block, wire::index_node_count_offset);
    }
    usize tail_at = block.size() - sizeof(wire::DirectoryTail);
    wire::DirectoryTail tail = *read_struct<wire::DirectoryTail>(block, tail_at);
    return tail.zero == 0 && tail.rec_len == sizeof(tail) && tail.zero_length == 0 &&
           tail.type == wire::directory_tail_type && crc32c(block.first(tail_at), seed) == tail.checksum;
}

} // namespace vireo::fs::ext4
