// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hosted/options.h"
#include "system/host_files.h"

namespace vireo::hosted {

// An operating system in files, as QEMU gives one to its firmware.
class KernelFiles final : public system::HostFiles {
  public:
    // Empty, with a one-line text in `problem`, if one cannot be opened.
    static std::unique_ptr<KernelFiles> open(const KernelOptions& options, std::string& problem);
    ~KernelFiles();

    Result<OwnedArray<char>> read(std::string_view, usize) override;
    Result<> for_each(Visitor&) override { return {}; }
    Result<u64> bytes_of(Part part) override;
    Result<> read(Part part, MutableBytes into, Watcher& watcher) override;
    Result<u32> processors() override { return 1; }

  private:
    struct File {
        int descriptor = -1;
        u64 bytes = 0;
        bool open(const std::string& path, std::string& problem);
    };
    KernelFiles() = default;

    File kernel_;
    File initrd_;
    std::string command_line_; // with a zero byte at its end, if there is one
};

} // namespace vireo::hosted
