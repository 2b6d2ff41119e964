// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4/layout.h"

#include "base/crc32.h"

namespace vireo::fs::ext4 {

namespace {

constexpr u32 known_incompat = wire::incompat_filetype | wire::incompat_recover | wire::incompat_meta_bg |
                               wire::incompat_extents | wire::incompat_64bit | wire::incompat_mmp |
                               wire::incompat_flex_bg | wire::incompat_ea_inode | wire::incompat_csum_seed |
                               wire::incompat_largedir | wire::incompat_inline_data | wire::incompat_encrypt |
                               wire::incompat_casefold;

Error corrupt(const char* what) { return error(ErrorCode::Corrupt, what); }

Result<> check_checksum(const wire::Superblock& superblock) {
    if (!(superblock.feature_ro_compat & wire::ro_compat_metadata_csum))
        return {};
    if (superblock.checksum_type != wire::checksum_type_crc32c)
        return corrupt("ext4: superblock: type of the checksums");
    Bytes covered = std::as_bytes(std::span(&superblock, 1)).first(offsetof(wire::Superblock, checksum));
    if (crc32c(covered, ~u32{0}) != superblock.checksum)
        return corrupt("ext4: superblock checksum");
    return {};
}

Result<> set_features(const wire::Superblock& superblock, Layout& layout) {
    // The flags count whatever the revision is, as for Linux and e2fsck: revision 0 fixes the size of
    // the inodes and no more.
    layout.revision = superblock.rev_level;
    layout.compat = superblock.feature_compat;
    layout.incompat = superblock.feature_incompat;
    layout.ro_compat = superblock.feature_ro_compat;
    if (u32 unknown = layout.incompat & ~known_incompat) {
        const u32 first = unknown & -unknown;
        return first <= Error::largest_number
                   ? error(ErrorCode::NotSupported, "ext4: unknown incompatible feature 0x{:x}", first)
                   : error(ErrorCode::NotSupported, "ext4: unknown incompatible feature 0x{:x}000000",
                           first >> 24);
    }
    return {};
}

Result<> set_blocks(const wire::Superblock& superblock, u64 volume_bytes, Layout& layout) {
    if (superblock.log_block_size > 6)
        return corrupt("ext4: superblock: block size");
    layout.block_bytes = u32{1024} << superblock.log_block_size;
    layout.cluster_bytes = layout.block_bytes;
    if (layout.ro_compat & wire::ro_compat_bigalloc) {
        if (superblock.log_cluster_size > wire::largest_log_cluster_size)
            return corrupt("ext4: superblock: cluster size");
        layout.cluster_bytes = u64{1024} << superblock.log_cluster_size;
    }
    layout.block_count = superblock.blocks_count_lo;
    if (layout.incompat & wire::incompat_64bit)
        layout.block_count |= u64{superblock.blocks_count_hi} << 32;
    std::optional<u64> bytes = checked_multiply<u64>(layout.block_count, layout.block_bytes);
    if (!bytes || *bytes > volume_bytes)
        return corrupt("ext4: superblock: file system larger than its partition");
    layout.first_data_block = superblock.first_data_block;
    if (layout.first_data_block > 1 || layout.first_data_block >= layout.block_count)
        return corrupt("ext4: superblock: first block");
    return {};
}

Result<> set_groups(const wire::Superblock& superblock, Layout& layout) {
    // A bitmap of one block has a bit for each inode of a group, and for each block, or cluster
    // of up to 2^16 of them.
    const u64 bits = u64{layout.block_bytes} * 8;
    layout.blocks_per_group = superblock.blocks_per_group;
    if (layout.blocks_per_group == 0 || layout.blocks_per_group > bits << 16)
        return corrupt("ext4: superblock: blocks in a group");
    layout.inodes_per_group = superblock.inodes_per_group;
    if (layout.inodes_per_group == 0 || layout.inodes_per_group > bits)
        return corrupt("ext4: superblock: inodes in a group");
    u64 data_blocks = layout.block_count - layout.first_data_block;
    u64 groups = (data_blocks + layout.blocks_per_group - 1) / layout.blocks_per_group;
    layout.inode_count = superblock.inodes_count;
    if (layout.inode_count < wire::root_inode || groups > ~u32{0} ||
        layout.inode_count > groups * layout.inodes_per_group)
        return corrupt("ext4: superblock: number of inodes");
    layout.group_count = static_cast<u32>(groups);

    layout.inode_bytes = superblock.rev_level == 0 ? wire::short_inode_bytes : superblock.inode_size.get();
    if (!std::has_single_bit(layout.inode_bytes) || layout.inode_bytes < wire::short_inode_bytes ||
        layout.inode_bytes > layout.block_bytes)
        return corrupt("ext4: superblock: inode size");
    layout.descriptor_bytes = wire::short_descriptor_bytes;
    if (layout.incompat & wire::incompat_64bit) {
        layout.descriptor_bytes = superblock.desc_size;
        if (!std::has_single_bit(layout.descriptor_bytes) ||
            layout.descriptor_bytes < sizeof(wire::GroupDescriptor) || layout.descriptor_bytes > 1024)
            return corrupt("ext4: superblock: size of the group descriptors");
    }
    layout.first_meta_group =
        layout.incompat & wire::incompat_meta_bg ? superblock.first_meta_bg.get() : ~u32{0};
    layout.backup_groups[0] = superblock.backup_bgs[0];
    layout.backup_groups[1] = superblock.backup_bgs[1];
    return {};
}

} // namespace

Result<Layout> read_layout(block::Volume& volume) {
    if (!range_fits(wire::superblock_offset, sizeof(wire::Superblock), volume.bytes()))
        return error(ErrorCode::NotFound, "ext4: volume too small");
    wire::Superblock superblock;
    VIREO_TRY(volume.read(wire::superblock_offset, std::as_writable_bytes(std::span(&superblock, 1))));
    if (superblock.magic != wire::superblock_magic)
        return error(ErrorCode::NotFound, "ext4: no superblock");
    Layout layout{};
    VIREO_TRY(check_checksum(superblock)); // first: a flipped feature bit is damage, not a feature
    VIREO_TRY(set_features(superblock, layout));
    VIREO_TRY(set_blocks(superblock, volume.bytes(), layout));
    VIREO_TRY(set_groups(superblock, layout));

    Bytes uuid = std::as_bytes(std::span(superblock.uuid));
    layout.checksum_seed =
        layout.incompat & wire::incompat_csum_seed ? superblock.checksum_seed.get() : crc32c(uuid, ~u32{0});
    layout.group_checksum_seed = crc16(uuid, 0xffff);
    return layout;
}

} // namespace vireo::fs::ext4
