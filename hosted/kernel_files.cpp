// SPDX-License-Identifier: Apache-2.0
#include "hosted/kernel_files.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vireo::hosted {

bool KernelFiles::File::open(const std::string& path, std::string& problem) {
    struct stat status{};
    descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &status) != 0) {
        problem = path + ": " + std::strerror(errno);
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        problem = path + ": no file";
        return false;
    }
    bytes = static_cast<u64>(status.st_size);
    return true;
}

std::unique_ptr<KernelFiles> KernelFiles::open(const KernelOptions& options, std::string& problem) {
    std::unique_ptr<KernelFiles> files(new KernelFiles());
    if (!files->kernel_.open(options.kernel, problem) ||
        (!options.initrd.empty() && !files->initrd_.open(options.initrd, problem)))
        return nullptr;
    if (!options.command_line.empty())
        files->command_line_ = options.command_line + '\0';
    return files;
}

KernelFiles::~KernelFiles() {
    for (const File* file : {&kernel_, &initrd_})
        if (file->descriptor >= 0)
            close(file->descriptor);
}

Result<OwnedArray<char>> KernelFiles::read(std::string_view, usize) {
    return error(ErrorCode::NotFound, "no such file");
}

Result<u64> KernelFiles::bytes_of(Part part) {
    switch (part) {
    case Part::Setup: // is not apart
        return 0;
    case Part::Kernel:
        return kernel_.bytes;
    case Part::Initrd:
        return initrd_.bytes;
    case Part::CommandLine:
        return command_line_.size();
    }
    return 0;
}

Result<> KernelFiles::read(Part part, MutableBytes into, Watcher& watcher) {
    if (into.size() > VIREO_TRY(bytes_of(part)))
        return error(ErrorCode::OutOfRange, "a file of the host");
    if (part == Part::CommandLine) {
        std::memcpy(into.data(), command_line_.data(), into.size());
        return {};
    }
    constexpr usize piece_bytes = 16 << 20;
    const File& file = part == Part::Kernel ? kernel_ : initrd_;
    for (usize done = 0; done < into.size();) {
        if (!watcher.goes_on())
            return error(ErrorCode::Interrupted, "");
        ssize_t count = pread(file.descriptor, into.data() + done, std::min(piece_bytes, into.size() - done),
                              static_cast<off_t>(done));
        if (count <= 0)
            return error(ErrorCode::Io, "a file of the host");
        done += static_cast<usize>(count);
    }
    return {};
}

} // namespace vireo::hosted
