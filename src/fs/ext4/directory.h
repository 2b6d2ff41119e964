// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fs/ext4/content.h"

namespace vireo::fs::ext4 {

// Reads the entries of a directory from front to back, in stretches of up to 128 KiB, whether it has a hash
// tree or not: the tree's nodes look like unused entries. What is damaged is left out and remembered, so that
// one bad block does not hide the files of all others.
class Directory {
  public:
    struct Entry {
        std::string_view name; // valid until the next fill()
        u32 inode;             // 1 to inode_count
        FileType type;         // Other where the entry does not say
    };

    // Corrupt if the inode cannot be a directory's, NotSupported if it is encrypted.
    static Result<Directory> create(Storage& storage, const Inode& inode);

    // Reads the next stretch; false at the end of the directory.
    Result<bool> fill();
    // The next entry of the stretch, if there is one more.
    std::optional<Entry> next();

    // What was wrong with the first part that had to be left out.
    const std::optional<Error>& damage() const { return damage_; }

  private:
    static constexpr u32 most_stretch_bytes = 128 * 1024;

    Directory(Storage& storage, const Inode& inode, Content content)
        : storage_(&storage), inode_(&inode), content_(std::move(content)) {}
    Bytes stretch() const { return std::as_bytes(std::span(memory_.data(), stretch_end_)); }
    Result<bool> fill_inline();
    bool begin_block();
    std::optional<Entry> parse_entry();
    bool leave_out(const char* what);

    Storage* storage_;
    const Inode* inode_;
    Content content_;
    OwnedArray<char> memory_; // characters, as names point into it
    u64 place_ = 0;           // in the directory, where the next stretch starts
    usize stretch_end_ = 0;   // all of these in memory_
    usize block_end_ = 0;
    usize position_ = 0;
    std::optional<Error> damage_;
};

// The inode that `directory` has under `name`. NotFound, or Corrupt if it was not found and a
// part was damaged.
Result<u32> look_up(Storage& storage, const Inode& directory, std::string_view name);

// Shows all entries, with what their inodes say, in on-disk order. The inodes are read in the order in which
// they lie on the disk, a few thousand entries at a time. Damaged parts are left out (of damaged inodes the
// name is shown) and reported, as Corrupt, at the end.
Result<> list_entries(Storage& storage, const Inode& directory, DirectoryVisitor& visitor);

} // namespace vireo::fs::ext4
