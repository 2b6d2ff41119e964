// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/disk.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vireo::fake {

MemoryDisk::MemoryDisk(const std::vector<u8>& image)
    : sectors_(image.size() / sector_bytes), patterned_(false) {
    write(0, image.data(), sectors_ * sector_bytes);
}

bool MemoryDisk::read(u64 sector, void* to, u64 bytes) {
    auto* out = static_cast<u8*>(to);
    for (u64 i = 0; i < bytes / sector_bytes; ++i, out += sector_bytes) {
        auto found = written_.find(sector + i);
        if (found != written_.end()) {
            std::memcpy(out, found->second.data(), sector_bytes);
            continue;
        }
        u64 fill = patterned_ ? sector + i : 0;
        for (u32 at = 0; at < sector_bytes; at += 8)
            std::memcpy(out + at, &fill, 8);
    }
    return true;
}

bool MemoryDisk::write(u64 sector, const void* from, u64 bytes) {
    const auto* in = static_cast<const u8*>(from);
    for (u64 i = 0; i < bytes / sector_bytes; ++i, in += sector_bytes)
        std::memcpy(written_[sector + i].data(), in, sector_bytes);
    return true;
}

bool MemoryDisk::discard(u64 sector, u64 count) {
    for (u64 i = 0; i < count; ++i)
        written_[sector + i].fill(0xdd);
    return true;
}

bool Disk::write_zeroes(u64 sector, u64 count) {
    constexpr u64 at_once = 2048;
    std::vector<u8> zeros(std::min(count, at_once) * sector_bytes);
    for (u64 done = 0; done < count; done += at_once)
        if (!write(sector + done, zeros.data(), std::min(count - done, at_once) * sector_bytes))
            return false;
    return true;
}

bool CachedDisk::read(u64 sector, void* to, u64 bytes) {
    if (!disk_->read(sector, to, bytes))
        return false;
    for (auto it = cache_.lower_bound(sector);
         it != cache_.end() && it->first - sector < bytes / sector_bytes; ++it)
        std::memcpy(static_cast<u8*>(to) + (it->first - sector) * sector_bytes, it->second.data(),
                    sector_bytes);
    return true;
}

bool CachedDisk::write(u64 sector, const void* from, u64 bytes) {
    const auto* in = static_cast<const u8*>(from);
    for (u64 i = 0; i < bytes / sector_bytes; ++i) {
        std::memcpy(cache_[sector + i].data(), in + i * sector_bytes, sector_bytes);
        if (write_through_ && !commit(sector + i))
            return false;
    }
    return true;
}

bool CachedDisk::commit(u64 sector) {
    auto cached = cache_.find(sector);
    if (!disk_->write(sector, cached->second.data(), sector_bytes))
        return false;
    cache_.erase(cached);
    return true;
}

bool CachedDisk::flush() {
    while (!cache_.empty())
        if (!commit(cache_.begin()->first))
            return false;
    return disk_->flush();
}

void CachedDisk::lose_power(const std::function<bool(u64)>& survives) {
    for (auto& [sector, bytes] : cache_)
        if (survives && survives(sector))
            disk_->write(sector, bytes.data(), sector_bytes);
    cache_.clear();
}

std::unique_ptr<FileDisk> FileDisk::open(const std::string& path, std::string& problem) {
    bool read_only = false;
    int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) {
        read_only = true;
        file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    }
    if (file < 0) {
        problem = "cannot open " + path + ": " + std::strerror(errno);
        return nullptr;
    }
    off_t end = lseek(file, 0, SEEK_END); // works for block devices, too
    struct stat facts{};
    if (end < 0 || fstat(file, &facts) != 0 || S_ISDIR(facts.st_mode)) {
        problem = path + " is not a disk image";
        ::close(file);
        return nullptr;
    }
    return std::unique_ptr<FileDisk>(new FileDisk(file, static_cast<u64>(end) / sector_bytes, read_only));
}

FileDisk::~FileDisk() { ::close(file_); }

bool FileDisk::read(u64 sector, void* to, u64 bytes) {
    auto* out = static_cast<u8*>(to);
    for (u64 done = 0; done < bytes;) {
        ssize_t count =
            pread(file_, out + done, bytes - done, static_cast<off_t>(sector * sector_bytes + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        done += static_cast<u64>(count);
    }
    return true;
}

bool FileDisk::write(u64 sector, const void* from, u64 bytes) {
    const auto* in = static_cast<const u8*>(from);
    for (u64 done = 0; done < bytes;) {
        ssize_t count =
            pwrite(file_, in + done, bytes - done, static_cast<off_t>(sector * sector_bytes + done));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        done += static_cast<u64>(count);
    }
    return true;
}

bool FileDisk::flush() { return fdatasync(file_) == 0; }

} // namespace vireo::fake
