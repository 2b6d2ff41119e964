// SPDX-License-Identifier: Apache-2.0
#include "fs/file_system.h"

#include "fs/path.h"

// Set by the linker around section vireo_filesystems. Weak: a build may have no file system at all.
extern "C" {
[[gnu::weak]] extern const vireo::fs::FileSystemType __start_vireo_filesystems[];
[[gnu::weak]] extern const vireo::fs::FileSystemType __stop_vireo_filesystems[];
}

namespace vireo::fs {

Result<File> FileSystem::open(std::string_view path) { return walk(*tree_, path); }

Result<u64> File::read(u64 offset, MutableBytes memory) {
    if (info_.type == FileType::Directory)
        return error(ErrorCode::IsADirectory, "a file is wanted");
    if (info_.type != FileType::Regular)
        return error(ErrorCode::NotSupported, "not a regular file");
    if (offset > info_.bytes)
        return error(ErrorCode::OutOfRange, "beyond the end of the file");
    u64 bytes = std::min<u64>(memory.size(), info_.bytes - offset);
    VIREO_TRY(tree_->read(node_, offset, memory.first(static_cast<usize>(bytes))));
    return bytes;
}

Result<> File::list(DirectoryVisitor& visitor) {
    if (info_.type != FileType::Directory)
        return error(ErrorCode::NotADirectory, "a directory is wanted");
    return tree_->list(node_, visitor);
}

// What a tree says that can only be read.
namespace {
Error read_only() { return error(ErrorCode::ReadOnly, "files of this kind are only read"); }
} // namespace

Result<Tree::Node> Tree::create(Node, std::string_view, FileType) { return read_only(); }
Result<> Tree::write(Node, u64, Bytes) { return read_only(); }
Result<> Tree::truncate(Node, u64) { return read_only(); }
Result<> Tree::rename(Node, std::string_view, Node, std::string_view) { return read_only(); }
Result<> Tree::remove(Node, std::string_view) { return read_only(); }
Result<> Tree::sync() { return read_only(); }

std::span<const FileSystemType> file_system_types() {
    return {__start_vireo_filesystems, __stop_vireo_filesystems};
}

Result<FileSystem> mount(block::Volume volume) {
    for (const FileSystemType& type : file_system_types()) {
        Result<std::unique_ptr<Tree>> tree = type.mount(volume);
        if (tree)
            return FileSystem(std::move(*tree));
        if (tree.error().code != ErrorCode::NotFound)
            return tree.error();
    }
    return error(ErrorCode::NotSupported, "unknown file system");
}

} // namespace vireo::fs
