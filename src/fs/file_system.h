// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "block/volume.h"

namespace vireo::fs {

enum class FileType : u8 { Regular, Directory, SymbolicLink, Other };

struct FileInfo {
    FileType type = FileType::Regular;
    u64 bytes = 0;
    u64 modified = 0; // seconds since 1970, 0 if unknown
};

// Receives the entries of a directory one after the other; names are valid during the call only and contain no '/' and
// no zero byte, but any other byte. False ends the listing.
class DirectoryVisitor {
  public:
    virtual bool entry(std::string_view name, const FileInfo& info) = 0;

  protected:
    ~DirectoryVisitor() = default;
};

// A mounted, read-only file system. Paths are absolute or not (then from the root), '/'-separated; "." and "..", and
// symbolic links in the middle and at the end are followed, ".." above the root is the root. Everything on disk is
// distrusted: errors are Corrupt with what is wrong, and no loop is unbounded. Long operations poll the event loop through
// the volume, so Ctrl-C ends them.
class FileSystem {
  public:
    virtual ~FileSystem() = default;
    virtual std::string_view type_name() const = 0; // "ext4", as `fstype` prints it
    // What mounting and reading brought to light so far about data that is wrong and was used all the same.
    virtual const block::Findings& findings() const = 0;
    virtual Result<FileInfo> stat(std::string_view path) = 0;
    // All entries in on-disk order, "." and ".." included where they are on disk. NotADirectory for a file.
    virtual Result<> list(std::string_view path, DirectoryVisitor& visitor) = 0;
    // Reads bytes [offset, offset + memory.size()) of a regular file straight into `memory`, as far as the file goes;
    // the count that was read. Holes read as zeros. IsADirectory for a directory. OutOfRange if offset is beyond the end.
    virtual Result<u64> read(std::string_view path, u64 offset, MutableBytes memory) = 0;
};

// A file system type of this build, found by name or by probing. In linker section `vireo_filesystems`.
struct FileSystemType {
    const char* name;
    // NotFound if the volume does not hold this type; Corrupt (with what) if it does but is damaged. The volume is moved
    // from when it succeeds, and only then.
    Result<std::unique_ptr<FileSystem>> (*mount)(block::Volume& volume);
};

// Tries every type. NotSupported ("unknown file system") if none recognises the volume.
Result<std::unique_ptr<FileSystem>> mount(block::Volume volume);
std::span<const FileSystemType> file_system_types();

} // namespace vireo::fs
