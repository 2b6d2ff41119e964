// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/ext4/block_map.h"
#include "unit/fs/tree.h"

namespace vireo::test {

// An ext file system that is written field by field, for what no tool makes: a number at its limit and
// one beyond. One group of inodes; the root names "file" (inode 12), "dir" (13) and "link" (14), which a
// test makes before it uses them. The disk goes on behind the file system, so that only its own bounds
// keep a reader inside.
class ExtImage {
  public:
    struct Shape {
        u64 blocks = 256;
        u64 spare_blocks = 16; // of the disk, behind the file system
        u32 inode_bytes = 256;
        u32 inodes = 32;
        u32 blocks_per_group = 8192;
        u32 incompat = fs::ext4::wire::incompat_filetype | fs::ext4::wire::incompat_extents;
        u32 ro_compat = 0;
    };
    static constexpr u64 block_bytes = 1024;
    static constexpr u32 file = 12;
    static constexpr u32 dir = 13;
    static constexpr u32 link = 14;

    ExtImage() : ExtImage(Shape()) {}
    explicit ExtImage(const Shape& shape) : disk((shape.blocks + shape.spare_blocks) * block_bytes) {
        namespace wire = fs::ext4::wire;
        wire::Superblock& super = superblock();
        super.magic = wire::superblock_magic;
        super.rev_level = 1;
        super.first_data_block = 1;
        super.blocks_count_lo = static_cast<u32>(shape.blocks);
        super.blocks_count_hi = static_cast<u32>(shape.blocks >> 32);
        super.blocks_per_group = shape.blocks_per_group;
        super.inodes_per_group = shape.inodes;
        super.inodes_count = shape.inodes;
        super.inode_size = static_cast<u16>(shape.inode_bytes);
        super.desc_size = 64;
        super.feature_incompat = shape.incompat;
        super.feature_ro_compat = shape.ro_compat;
        inode_bytes_ = shape.inode_bytes;
        at<wire::GroupDescriptor>(2 * block_bytes).inode_table_lo = first_table_block;
        next_block_ = first_table_block + shape.inodes * shape.inode_bytes / block_bytes;
        make(wire::root_inode, wire::mode_directory, block_bytes);
        u64 root = add_block(wire::root_inode);
        put_entry(root, wire::root_inode, 12, ".", 2);
        put_entry(root + 12, wire::root_inode, 12, "..", 2);
        put_entry(root + 24, file, 12, "file", 1);
        put_entry(root + 36, dir, 12, "dir", 2);
        put_entry(root + 48, link, block_bytes - 48, "link", 7);
    }

    TestDisk disk;

    template <typename T> T& at(u64 offset) { return *reinterpret_cast<T*>(disk.bytes().data() + offset); }
    static u64 block(u64 number) { return number * block_bytes; }
    fs::ext4::wire::Superblock& superblock() { return at<fs::ext4::wire::Superblock>(block_bytes); }
    u64 inode_place(u32 number) const { return block(first_table_block) + (number - 1) * inode_bytes_; }
    fs::ext4::wire::Inode& inode(u32 number) { return at<fs::ext4::wire::Inode>(inode_place(number)); }
    // Where its extent tree, its pointers or its data start.
    u64 root_of(u32 number) const { return inode_place(number) + offsetof(fs::ext4::wire::Inode, block); }

    // A file with an empty extent tree.
    void make(u32 number, u16 mode, u64 bytes) {
        fs::ext4::wire::Inode& record = inode(number);
        record.mode = mode;
        record.links_count = 1;
        record.size_lo = static_cast<u32>(bytes);
        record.size_high = static_cast<u32>(bytes >> 32);
        record.blocks_lo = 2; // no short link
        record.flags = fs::ext4::wire::inode_flag_extents;
        if (inode_bytes_ > 128)
            record.extra_isize = 32;
        put_node(root_of(number), 0, 4, 0);
    }
    u32 take_block() { return next_block_++; }
    // One more block at the end of a file whose tree has depth 0; the place of the block.
    u64 add_block(u32 number) {
        auto& header = at<fs::ext4::wire::ExtentHeader>(root_of(number));
        u16 index = header.entries;
        header.entries = static_cast<u16>(index + 1);
        u32 taken = take_block();
        put_extent(root_of(number), index, index, 1, taken);
        return block(taken);
    }
    void put_node(u64 place, u16 entries, u16 max, u16 depth) {
        at<fs::ext4::wire::ExtentHeader>(place) = {fs::ext4::wire::extent_magic, entries, max, depth, 0};
    }
    void put_extent(u64 node, u32 index, u32 logical, u16 length, u64 start) {
        at<fs::ext4::wire::Extent>(node + 12 + index * 12) = {logical, length, static_cast<u16>(start >> 32),
                                                              static_cast<u32>(start)};
    }
    void put_index(u64 node, u32 index, u32 logical, u64 child) {
        at<fs::ext4::wire::ExtentIndex>(node + 12 + index * 12) = {logical, static_cast<u32>(child),
                                                                   static_cast<u16>(child >> 32), 0};
    }
    void put_pointer(u64 place, u64 index, u32 block) { at<Le<u32>>(place + index * 4) = block; }
    void put_entry(u64 place, u32 inode, u64 length, std::string_view name, u8 type) {
        at<fs::ext4::wire::DirectoryEntry>(place) = {inode, static_cast<u16>(length),
                                                     static_cast<u8>(name.size()), type};
        disk.put(place + 8, std::as_bytes(std::span(name)));
    }
    void fill(u64 number, char with) { std::memset(disk.bytes().data() + block(number), with, block_bytes); }

    // What is wrong, or nothing.
    template <typename T> static std::string why(const Result<T>& result) {
        return result ? "" : text_of(result.error());
    }
    std::string mount_error() { return why(fs::mount(std::move(*block::Volume::whole(disk)))); }
    std::string stat_error(const std::string& path) { return why(test::mount(disk)->stat(path)); }
    // Content, or what is wrong.
    std::string read(const std::string& path, u64 offset, usize bytes) {
        std::string content(bytes, '?');
        auto count = test::mount(disk)->read(path, offset, std::as_writable_bytes(std::span(content)));
        return count ? content.substr(0, *count) : text_of(count.error());
    }
    // The names, each behind a space, and what is wrong.
    std::string list(const std::string& path) {
        Listing listing;
        auto done = test::mount(disk)->list(path, listing);
        std::string text;
        for (const auto& [name, info] : listing.entries)
            text += " " + name;
        return text + (done ? "" : std::string(" | ") + done.error().what);
    }
    fs::ext4::Storage storage() {
        block::Volume volume = std::move(*block::Volume::whole(disk));
        fs::ext4::Layout layout = *fs::ext4::read_layout(volume);
        return {std::move(volume), layout};
    }
    // "100+5" for a run of blocks, "hole+5", or what is wrong.
    std::string find(u32 number, u64 logical) {
        fs::ext4::Storage from = storage();
        auto its_inode = fs::ext4::read_inode(from, number);
        if (!its_inode)
            return its_inode.error().what;
        fs::ext4::BlockMap map(from, *its_inode);
        auto run = map.find(logical);
        if (!run)
            return run.error().what;
        return (run->is_hole() ? "hole" : std::to_string(run->first_block)) + "+" +
               std::to_string(run->block_count);
    }

    static constexpr u32 first_table_block = 20;

  private:
    u32 inode_bytes_ = 0;
    u32 next_block_ = 0;
};

} // namespace vireo::test
