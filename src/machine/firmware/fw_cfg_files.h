// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/fw_cfg/fw_cfg.h"
#include "system/host_files.h"

namespace vireo::machine {

// The host's files are those of QEMU's fw_cfg device.
class FwCfgFiles final : public system::HostFiles {
  public:
    explicit FwCfgFiles(const bus::FwCfg& device) : device_(device) {}
    Result<OwnedArray<char>> read(std::string_view name, usize most_bytes) override;
    Result<> for_each(Visitor& visitor) override;
    Result<u64> bytes_of(Part part) override;
    Result<> read(Part part, MutableBytes into, Watcher& watcher) override;
    Result<u32> processors() override;

  private:
    bus::FwCfg device_;
};

} // namespace vireo::machine
