// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"

namespace vireo::system {

// Files that whoever starts the machine gives to its firmware (QEMU: -fw_cfg). Implemented by
// machine/firmware.
class HostFiles {
  public:
    // The whole file. NotFound if there is none; TooLarge if it has more than `most_bytes`; NoMemory; else
    // what is wrong with the device. The host is not trusted: the bytes may be anything.
    virtual Result<OwnedArray<char>> read(std::string_view name, usize most_bytes) = 0;

  protected:
    ~HostFiles() = default;
};

} // namespace vireo::system
