// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

namespace vireo::boot {

// Who has the files that tables are made of, and the memory that they go to. What was allocated belongs to
// the host: after a failure, it takes that back.
class TableHost {
  public:
    struct File {
        u16 selector = 0;
        u32 bytes = 0;
    };
    // Segment: the 64 KiB below 1 MiB, where operating systems that are not told look for tables. A host
    // without it has room elsewhere.
    enum class Zone : u8 { High, Segment };

    // As bus::FwCfg has them.
    virtual Result<File> find(std::string_view name) = 0;
    virtual Result<> read(const File& file, MutableBytes into) = 0;
    virtual Result<> write(const File& file, u32 offset, Bytes from) = 0;

    // RAM below 4 GiB that stays the tables'. `bytes` is not 0, `alignment` a power of two.
    virtual Result<u64> allocate(u64 bytes, u64 alignment, Zone zone) = 0;
    // What lies at an address that was allocated.
    virtual std::byte* memory(u64 address) = 0;

  protected:
    ~TableHost() = default;
};

} // namespace vireo::boot
