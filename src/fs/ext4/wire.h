// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"

// ext2, ext3 and ext4 as they lie on the disk. The reference is "ext4 Data Structures and Algorithms" of the
// Linux kernel's documentation; sections are named after its chapters.
namespace vireo::fs::ext4::wire {

// "Super Block": 1024 bytes, 1024 bytes from the start of the volume. Only what a reader needs has a name.
constexpr u64 superblock_offset = 1024;
struct Superblock {
    Le<u32> inodes_count;
    Le<u32> blocks_count_lo;
    u8 skipped_008[0x14 - 0x08];
    Le<u32> first_data_block;
    Le<u32> log_block_size; // block size is 1024 << this
    Le<u32> log_cluster_size;
    Le<u32> blocks_per_group;
    Le<u32> clusters_per_group;
    Le<u32> inodes_per_group;
    u8 skipped_02c[0x38 - 0x2c];
    Le<u16> magic;
    u8 skipped_03a[0x4c - 0x3a];
    Le<u32> rev_level; // 0: inodes of 128 bytes
    u8 skipped_050[0x58 - 0x50];
    Le<u16> inode_size;
    Le<u16> block_group_nr;
    Le<u32> feature_compat;
    Le<u32> feature_incompat;
    Le<u32> feature_ro_compat;
    u8 uuid[16];
    u8 skipped_078[0xfe - 0x78];
    Le<u16> desc_size; // with feature 64BIT
    Le<u32> default_mount_opts;
    Le<u32> first_meta_bg; // with feature META_BG
    u8 skipped_108[0x150 - 0x108];
    Le<u32> blocks_count_hi;
    u8 skipped_154[0x175 - 0x154];
    u8 checksum_type; // 1: crc32c, the only one
    u8 skipped_176[0x24c - 0x176];
    Le<u32> backup_bgs[2]; // with feature SPARSE_SUPER2
    u8 skipped_254[0x270 - 0x254];
    Le<u32> checksum_seed; // with feature CSUM_SEED
    u8 skipped_274[0x3fc - 0x274];
    Le<u32> checksum; // of all bytes before it
};
static_assert(sizeof(Superblock) == 1024 && offsetof(Superblock, magic) == 0x38);
static_assert(offsetof(Superblock, feature_incompat) == 0x60 && offsetof(Superblock, desc_size) == 0xfe);
static_assert(offsetof(Superblock, blocks_count_hi) == 0x150 && offsetof(Superblock, checksum_type) == 0x175);
static_assert(offsetof(Superblock, backup_bgs) == 0x24c && offsetof(Superblock, checksum_seed) == 0x270);

constexpr u16 superblock_magic = 0xef53;
constexpr u32 newest_revision = 1;
constexpr u32 largest_log_cluster_size = 20; // 1 GiB
constexpr u8 checksum_type_crc32c = 1;

constexpr u32 compat_dir_index = 0x20;
constexpr u32 compat_sparse_super2 = 0x200;

constexpr u32 incompat_filetype = 0x2;
constexpr u32 incompat_recover = 0x4;
constexpr u32 incompat_meta_bg = 0x10;
constexpr u32 incompat_extents = 0x40;
constexpr u32 incompat_64bit = 0x80;
constexpr u32 incompat_mmp = 0x100;
constexpr u32 incompat_flex_bg = 0x200;
constexpr u32 incompat_ea_inode = 0x400;
constexpr u32 incompat_csum_seed = 0x2000;
constexpr u32 incompat_largedir = 0x4000;
constexpr u32 incompat_inline_data = 0x8000;
constexpr u32 incompat_encrypt = 0x10000;
constexpr u32 incompat_casefold = 0x20000;

constexpr u32 ro_compat_sparse_super = 0x1;
constexpr u32 ro_compat_huge_file = 0x8;
constexpr u32 ro_compat_gdt_csum = 0x10;
constexpr u32 ro_compat_bigalloc = 0x200;
constexpr u32 ro_compat_metadata_csum = 0x400;

// "Block Group Descriptors". The half from `block_bitmap_hi` on exists where descriptors are
// 64 bytes or more.
struct GroupDescriptor {
    Le<u32> block_bitmap_lo;
    Le<u32> inode_bitmap_lo;
    Le<u32> inode_table_lo;
    u8 skipped_0c[0x1e - 0x0c];
    Le<u16> checksum;
    Le<u32> block_bitmap_hi;
    Le<u32> inode_bitmap_hi;
    Le<u32> inode_table_hi;
    u8 skipped_2c[0x40 - 0x2c];
};
static_assert(sizeof(GroupDescriptor) == 64 && offsetof(GroupDescriptor, checksum) == 0x1e);
constexpr u32 short_descriptor_bytes = 32;

// "Index Nodes". What follows `block`'s 128-byte record exists where `extra_isize` reaches over it.
struct Inode {
    Le<u16> mode;
    Le<u16> uid;
    Le<u32> size_lo;
    Le<u32> atime;
    Le<u32> ctime;
    Le<u32> mtime;
    Le<u32> dtime;
    Le<u16> gid;
    Le<u16> links_count;
    Le<u32> blocks_lo;
    Le<u32> flags;
    Le<u32> osd1;
    std::byte block[60]; // block map, extent tree, target of a short symbolic link, or the data itself
    Le<u32> generation;
    Le<u32> file_acl_lo;
    Le<u32> size_high;
    Le<u32> obso_faddr;
    Le<u16> blocks_high;
    Le<u16> file_acl_high;
    u8 skipped_78[0x7c - 0x78];
    Le<u16> checksum_lo;
    Le<u16> reserved;
    Le<u16> extra_isize;
    Le<u16> checksum_hi;
    Le<u32> ctime_extra;
    Le<u32> mtime_extra; // its two low bits extend mtime
};
static_assert(sizeof(Inode) == 0x8c && offsetof(Inode, block) == 0x28 && offsetof(Inode, generation) == 0x64);
static_assert(offsetof(Inode, checksum_lo) == 0x7c && offsetof(Inode, extra_isize) == 0x80);
constexpr u32 short_inode_bytes = 128;
constexpr u32 root_inode = 2;
constexpr usize longest_short_link = 59; // a zero byte has its place behind it

constexpr u16 mode_type_mask = 0xf000;
constexpr u16 mode_directory = 0x4000;
constexpr u16 mode_regular = 0x8000;
constexpr u16 mode_symbolic_link = 0xa000;

constexpr u32 inode_flag_compressed = 0x4;
constexpr u32 inode_flag_encrypted = 0x800;
constexpr u32 inode_flag_indexed = 0x1000;
constexpr u32 inode_flag_huge_file = 0x40000; // `blocks` counts blocks of the file system, not of 512 bytes
constexpr u32 inode_flag_extents = 0x80000;
constexpr u32 inode_flag_inline_data = 0x10000000;

// "Extent Tree": a node is a header, then `entries` extents (depth 0) or indexes, then, outside of inodes and
// with metadata checksums, a checksum behind the room for `max` entries.
struct ExtentHeader {
    Le<u16> magic;
    Le<u16> entries;
    Le<u16> max;
    Le<u16> depth;
    Le<u32> generation;
};
struct ExtentIndex {
    Le<u32> block; // the first logical block below it
    Le<u32> leaf_lo;
    Le<u16> leaf_hi;
    Le<u16> unused;
};
struct Extent {
    Le<u32> block;  // the first logical block
    Le<u16> length; // over 32,768: uninitialised, that much less
    Le<u16> start_hi;
    Le<u32> start_lo;
};
static_assert(sizeof(ExtentHeader) == 12 && sizeof(ExtentIndex) == 12 && sizeof(Extent) == 12);
constexpr u16 extent_magic = 0xf30a;
constexpr u32 longest_extent = 32768;
constexpr u16 deepest_extent_tree = 5;

// "Directory Entries", followed by the name. Without feature FILETYPE the last byte is the
// high half of the length.
struct DirectoryEntry {
    Le<u32> inode; // 0: unused
    Le<u16> rec_len;
    u8 name_len;
    u8 file_type;
};
static_assert(sizeof(DirectoryEntry) == 8);
// What ends a block of entries where there are metadata checksums: looks like an unused entry.
struct DirectoryTail {
    Le<u32> zero;
    Le<u16> rec_len; // 12
    u8 zero_length;
    u8 type; // 0xde
    Le<u32> checksum;
};
static_assert(sizeof(DirectoryTail) == 12);
constexpr u8 directory_tail_type = 0xde;

// "Hash Tree Directories": the header of the index entries (8 bytes each, this one is the first), at byte 32
// of the root block and byte 8 of the others; behind the room for `limit` entries comes the tail.
struct IndexCount {
    Le<u16> limit;
    Le<u16> count;
    Le<u32> block;
};
struct IndexTail {
    Le<u32> reserved;
    Le<u32> checksum;
};
static_assert(sizeof(IndexCount) == 8 && sizeof(IndexTail) == 8);
constexpr u32 index_root_count_offset = 32;
constexpr u32 index_node_count_offset = 8;

// "Extended Attributes" inside an inode: this header behind the extra fields, then the entries, ended by four
// zero bytes. Offsets of values count from the first entry.
constexpr u32 attribute_magic = 0xea020000;
struct AttributeEntry {
    u8 name_len;
    u8 name_index;
    Le<u16> value_offset;
    Le<u32> value_inode;
    Le<u32> value_size;
    Le<u32> hash;
};
static_assert(sizeof(AttributeEntry) == 16);
constexpr u8 attribute_index_system = 7; // the attribute "system.data" continues inline data

} // namespace vireo::fs::ext4::wire
