// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace vireo::system {

// Where a PCI function is.
struct PciPlace {
    u8 bus = 0;
    u8 device = 0;
    u8 function = 0;
    constexpr bool operator==(const PciPlace&) const = default;
};

// A base address register that a function has.
struct PciBar {
    std::optional<u64> base; // on the bus; nothing: no window had room for it
    u64 bytes = 0;
    bool is_io = false;
    bool is_64bit = false;
    bool is_prefetchable = false;
};

// A window of the host bridge: bus addresses and where the processor reaches them.
struct PciRegion {
    u64 bus = 0;
    u64 cpu = 0;
    u64 bytes = 0;
    std::string_view kind; // "mem", "mem prefetch", "io"
};

// What the `pci` command sees of a PCI host bridge and what lies below. Implemented by bus/pci. It only
// reads, apart from rescan().
class PciInspector {
  public:
    // Looks for functions that are new; those that are known stay as they are. Why it could not, or not all.
    virtual Result<> rescan() = 0;
    // The function found as number `index`, in the order of the bus; nothing behind the last one.
    virtual std::optional<PciPlace> function(usize index) = 0;

    // Of function `index`, which exists: `width` (1, 2, 4) bytes of configuration space at `offset`, a
    // multiple of the width. All ones if the device is gone.
    virtual u32 read(usize index, u8 offset, u8 width) = 0;
    // BAR `number` of function `index`; nothing if it is not implemented.
    virtual std::optional<PciBar> bar(usize index, unsigned number) = 0;

    // Window `number`; nothing behind the last one.
    virtual std::optional<PciRegion> region(unsigned number) const = 0;

  protected:
    ~PciInspector() = default;
};

} // namespace vireo::system
