// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/ext4/layout.h"

namespace vireo::fs::ext4 {

// Checksums of metadata ("Checksums" in the format's documentation). Each function says true where the file
// system has none of the kind.

// The bytes of one group descriptor: crc32c with metadata_csum, crc16 with the older gdt_csum.
bool group_checksum_matches(const Layout& layout, u32 group, Bytes descriptor);

// The whole record of an inode (inode_bytes).
bool inode_checksum_matches(const Layout& layout, u32 number, Bytes record);

// What the checksums of an inode's own blocks start from: number and generation, so that a block that belongs
// to another file, or to an earlier life of this one, is found out.
u32 inode_checksum_seed(const Layout& layout, u32 number, u32 generation);

// A block of an extent tree, whose header has been checked.
bool extent_block_checksum_matches(const Layout& layout, u32 seed, Bytes block);

// A block of a directory: entries, or, where `is_indexed`, a node of the hash tree.
bool directory_block_checksum_matches(const Layout& layout, u32 seed, Bytes block, bool is_first,
                                      bool is_indexed);

} // namespace vireo::fs::ext4
