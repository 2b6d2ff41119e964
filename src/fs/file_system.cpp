// SPDX-License-Identifier: Apache-2.0
#include "fs/file_system.h"

// Set by the linker around section vireo_filesystems. Weak: a build may have no file system at all.
extern "C" {
[[gnu::weak]] extern const vireo::fs::FileSystemType __start_vireo_filesystems[];
[[gnu::weak]] extern const vireo::fs::FileSystemType __stop_vireo_filesystems[];
}

namespace vireo::fs {

std::span<const FileSystemType> file_system_types() {
    return {__start_vireo_filesystems, __stop_vireo_filesystems};
}

Result<std::unique_ptr<FileSystem>> mount(block::Volume volume) {
    for (const FileSystemType& type : file_system_types()) {
        Result<std::unique_ptr<FileSystem>> mounted = type.mount(volume);
        if (mounted || mounted.error().code != ErrorCode::NotFound)
            return mounted;
    }
    return error(ErrorCode::NotSupported, "unknown file system");
}

} // namespace vireo::fs
