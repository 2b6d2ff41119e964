// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "block/volume.h"
#include "fs/ext4/wire.h"

namespace vireo::fs::ext4 {

// What the superblock says about a file system, checked: numbers are within the format's limits and agree
// with each other and with the size of the volume.
struct Layout {
    u32 revision;
    u32 block_bytes;
    u64 cluster_bytes; // what is allocated at a time: block_bytes without bigalloc
    u64 block_count;
    u32 blocks_per_group;
    u32 inodes_per_group;
    u32 inode_count;
    u32 inode_bytes; // a power of two, 128 to block_bytes
    u32 descriptor_bytes;
    u32 group_count;
    u32 first_data_block;
    u32 first_meta_group; // descriptor blocks from this one on lie in their groups
    u32 backup_groups[2];
    u32 compat;
    u32 incompat;
    u32 ro_compat;
    u32 checksum_seed;       // of all metadata checksums but the superblock's
    u16 group_checksum_seed; // of the older group checksums

    bool has_metadata_checksums() const { return ro_compat & wire::ro_compat_metadata_csum; }
    bool has_file_types() const { return incompat & wire::incompat_filetype; }
    // True if [block, block + count) lies in the file system and not before its first block.
    bool contains(u64 block, u64 count) const {
        return block > first_data_block && range_fits(block, count, block_count);
    }
};

// NotFound if the volume holds no ext file system, Corrupt if its superblock is damaged, NotSupported (with
// the bit) if it has an incompatible feature that this reader does not know.
Result<Layout> read_layout(block::Volume& volume);

} // namespace vireo::fs::ext4
