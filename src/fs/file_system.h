// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "block/volume.h"
#include "fs/tree.h"

namespace vireo::fs {

// A file, directory or whatever else a path leads to, found once. Good as long as its file system is mounted.
class File {
  public:
    File(Tree& tree, Tree::Node node, const FileInfo& info) : tree_(&tree), node_(node), info_(info) {}
    const FileInfo& info() const { return info_; }
    // Reads bytes [offset, offset + memory.size()) of a regular file straight into `memory`, as far as the
    // file goes; the count that was read. Holes read as zeros. IsADirectory; NotSupported for a device or the
    // like; OutOfRange if offset is beyond the end.
    Result<u64> read(u64 offset, MutableBytes memory);
    // See Tree::list. NotADirectory for a file.
    Result<> list(DirectoryVisitor& visitor);

  private:
    Tree* tree_;
    Tree::Node node_;
    FileInfo info_;
};

// A mounted file system.
class FileSystem {
  public:
    explicit FileSystem(std::unique_ptr<Tree> tree) : tree_(std::move(tree)) {}
    std::string_view type_name() const { return tree_->type_name(); }
    const block::Findings& findings() const { return tree_->findings(); }

    // Finds what `path` names: absolute or not (then from the root), '/'-separated; "." and "..", and
    // symbolic links in the middle and at the end are followed, ".." above the root is the root.
    // NotFound, NotADirectory, TooManyLinks (more than 40 links followed), TooLarge (a name longer than
    // the tree can hold, a path over max_path_bytes, also of what is left to walk after a link was put
    // in), and what the tree reports.
    Result<File> open(std::string_view path);

  private:
    std::unique_ptr<Tree> tree_;
};

// A kind of file system of this build, found by name or by probing. In linker section `vireo_filesystems`.
struct FileSystemType {
    const char* name;
    // NotFound if the volume does not hold this type; Corrupt (with what) if it does but is damaged. The
    // volume is moved from when it succeeds, and only then.
    Result<std::unique_ptr<Tree>> (*mount)(block::Volume& volume);
};

// Tries every type. NotSupported ("unknown file system") if none recognises the volume.
Result<FileSystem> mount(block::Volume volume);
std::span<const FileSystemType> file_system_types();

// Puts `type` (an initialiser of FileSystemType) into the section, under a name of its own in an unnamed
// namespace. no_sanitize: the address sanitizer would put red zones between the entries.
#define VIREO_FILE_SYSTEM(type)                                                                              \
    [[gnu::used, gnu::retain, gnu::section("vireo_filesystems"), clang::no_sanitize("address")]]             \
    constinit const ::vireo::fs::FileSystemType type

} // namespace vireo::fs
