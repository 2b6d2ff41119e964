// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/window.h"

// Which fake answers at which address: the back end of io::raw.
namespace vireo::hosted {

// Something that has registers. `offset` is relative to where it was mapped; `width` is 1, 2 or 4 bytes. An
// access never reaches over the end of the range.
class RegisterBlock {
  public:
    virtual u32 read(u64 offset, u8 width) = 0;
    virtual void write(u64 offset, u8 width, u32 value) = 0;

  protected:
    ~RegisterBlock() = default;
};

// While it lives, accesses to [base, base + bytes) go to `block`. Ranges of one space must not
// overlap. An access to an address where nothing is mapped is reported ("io.unmapped") and reads as
// all ones, as on a bus.
class MappedRange {
  public:
    MappedRange(io::Space space, u64 base, u64 bytes, RegisterBlock& block);
    MappedRange(const MappedRange&) = delete;
    MappedRange& operator=(const MappedRange&) = delete;
    ~MappedRange();

  private:
    io::Space space_;
    u64 base_;
};

} // namespace vireo::hosted
