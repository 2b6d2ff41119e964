// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "block/findings.h"

namespace vireo::fs {

enum class FileType : u8 { Regular, Directory, SymbolicLink, Other };

struct FileInfo {
    FileType type = FileType::Regular;
    u64 bytes = 0;
    u64 modified = 0; // seconds since 1970, 0 if unknown
};

// A name in any file system: 255 units of UTF-16, as UTF-8.
constexpr usize max_name_bytes = 765;
// A path, and the target of a symbolic link.
constexpr usize max_path_bytes = 4096;

// Receives the entries of a directory one after the other; names are valid during the call only and contain
// no '/' and no zero byte, but any other byte. False ends the listing.
class DirectoryVisitor {
  public:
    virtual bool entry(std::string_view name, const FileInfo& info) = 0;

  protected:
    ~DirectoryVisitor() = default;
};

// What a kind of file system implements: nodes, and what they hold. Paths, links and "is that a file at all"
// are FileSystem's. Everything on disk is distrusted: errors are Corrupt with what is wrong, and no loop is
// unbounded. Long operations poll the event loop through the volume, so Ctrl-C ends them.
class Tree {
  public:
    // Names a file for good, as long as it is not removed (an inode number).
    using Node = u64;

    virtual ~Tree() = default;
    virtual std::string_view type_name() const = 0; // "ext4", as `fstype` prints it
    // What mounting and reading brought to light so far about data that is wrong and was used all the same.
    virtual const block::Findings& findings() const = 0;
    // The longest name that a directory can hold, at most fs::max_name_bytes.
    virtual usize longest_name() const { return 255; }

    virtual Node root() const = 0;
    virtual Result<FileInfo> info(Node node) = 0;
    // The node that `directory` has under `name`, which may be "..". NotFound.
    virtual Result<Node> lookup(Node directory, std::string_view name) = 0;
    // All entries in on-disk order, "." and ".." included where they are on disk.
    virtual Result<> list(Node directory, DirectoryVisitor& visitor) = 0;
    // Bytes of a regular file straight into `memory`, which ends where the file does or
    // before. Holes read as zeros.
    virtual Result<> read(Node file, u64 offset, MutableBytes memory) = 0;
    // The target of a symbolic link, 1 to max_path_bytes bytes, into `target`: the count.
    virtual Result<usize> read_link(Node link, std::span<char, max_path_bytes> target) = 0;

    // --- Writing. A tree that can only be read has none of these: each is ReadOnly then. After an error a
    // tree is as it was before, or as it would be after success; nothing is on the disk for certain before
    // sync() (decision 0051).

    // Makes an empty file or directory. Exists.
    virtual Result<Node> create(Node directory, std::string_view name, FileType type);
    // Overwrites and appends; a gap behind the end becomes a hole, or zeros.
    virtual Result<> write(Node file, u64 offset, Bytes bytes);
    virtual Result<> truncate(Node file, u64 bytes);
    // An entry that has the new name already is replaced in the same step.
    virtual Result<> rename(Node directory, std::string_view name, Node new_directory,
                            std::string_view new_name);
    // The name, and the file if that was its last. NotEmpty.
    virtual Result<> remove(Node directory, std::string_view name);
    // All that was written is on the disk when this succeeds, and a power cut before it leaves
    // a tree that is whole.
    virtual Result<> sync();
};

} // namespace vireo::fs
