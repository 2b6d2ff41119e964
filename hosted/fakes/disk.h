// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/std.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace vireo::fake {

// What a block device stores its sectors in.
class Disk {
  public:
    static constexpr u32 sector_bytes = 512;
    virtual ~Disk() = default;
    virtual u64 sectors() const = 0;
    virtual bool is_read_only() const { return false; }
    // `bytes` is a multiple of 512 and the range lies on the disk. False: the medium failed.
    virtual bool read(u64 sector, void* to, u64 bytes) = 0;
    virtual bool write(u64 sector, const void* from, u64 bytes) = 0;
    virtual bool flush() { return true; }
    virtual bool write_zeroes(u64 sector, u64 count);
    // Afterwards the sectors hold anything.
    virtual bool discard(u64, u64) { return true; }
    // Whether what is written from now on has to last without a flush.
    virtual void set_write_through(bool) {}
};

// Sectors in memory, made as they are written: capacities up to 2^64 bytes cost nothing. Sectors that were
// never written hold their own number in each 8 bytes when `patterned`, else zeros.
class MemoryDisk final : public Disk {
  public:
    explicit MemoryDisk(u64 sectors, bool patterned = false) : sectors_(sectors), patterned_(patterned) {}
    explicit MemoryDisk(const std::vector<u8>& image);
    u64 sectors() const override { return sectors_; }
    bool read(u64 sector, void* to, u64 bytes) override;
    bool write(u64 sector, const void* from, u64 bytes) override;
    // Leaves 0xdd, so that nobody counts on zeros or on what was there.
    bool discard(u64 sector, u64 count) override;

  private:
    using Sector = std::array<u8, sector_bytes>;
    u64 sectors_;
    bool patterned_;
    std::map<u64, Sector> written_;
};

// A disk with a volatile write cache in front of another one: what was neither flushed nor written through is
// gone when the power is.
class CachedDisk final : public Disk {
  public:
    explicit CachedDisk(std::unique_ptr<Disk> disk) : disk_(std::move(disk)) {}
    u64 sectors() const override { return disk_->sectors(); }
    bool is_read_only() const override { return disk_->is_read_only(); }
    bool read(u64 sector, void* to, u64 bytes) override;
    bool write(u64 sector, const void* from, u64 bytes) override;
    bool flush() override;
    void set_write_through(bool on) override { write_through_ = on; }

    usize unflushed_sectors() const { return cache_.size(); }
    // The power fails. Any part of what was in the cache may have reached the disk: sectors
    // that `survives` names.
    void lose_power(const std::function<bool(u64 sector)>& survives = nullptr);

  private:
    bool commit(u64 sector);

    std::unique_ptr<Disk> disk_;
    std::map<u64, std::array<u8, sector_bytes>> cache_;
    bool write_through_ = false;
};

// A file. Opened read-only if it cannot be written; the tail of a size that is no multiple of
// 512 is left out.
class FileDisk final : public Disk {
  public:
    // nullptr, with a one-line text in `problem`, if the file cannot be opened.
    static std::unique_ptr<FileDisk> open(const std::string& path, std::string& problem);
    ~FileDisk() override;
    u64 sectors() const override { return sectors_; }
    bool is_read_only() const override { return read_only_; }
    bool read(u64 sector, void* to, u64 bytes) override;
    bool write(u64 sector, const void* from, u64 bytes) override;
    bool flush() override;

  private:
    FileDisk(int file, u64 sectors, bool read_only) : file_(file), sectors_(sectors), read_only_(read_only) {}
    int file_;
    u64 sectors_;
    bool read_only_;
};

} // namespace vireo::fake
