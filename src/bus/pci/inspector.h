// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus/pci/host.h"
#include "system/pci_inspector.h"

namespace vireo::bus::pci {

// A Host as the shell sees it. The host outlives it.
class Inspector final : public system::PciInspector {
  public:
    explicit Inspector(Host& host) : host_(host) {}
    Result<> rescan() override { return host_.scan(); }
    std::optional<system::PciPlace> function(usize index) override;
    u32 read(usize index, u8 offset, u8 width) override;
    std::optional<system::PciBar> bar(usize index, unsigned number) override;
    std::optional<system::PciRegion> region(unsigned number) const override;

  private:
    Function* find(usize index);

    Host& host_;
};

} // namespace vireo::bus::pci
