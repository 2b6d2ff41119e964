// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_array.h"

namespace vireo::system {

// Files that whoever starts the machine gives to its firmware (QEMU: -fw_cfg), and an operating system to
// boot (-kernel, -initrd, -append). The host is not trusted: sizes and bytes may be anything. Implemented by
// machine/firmware.
class HostFiles {
  public:
    // The whole file. NotFound if there is none; TooLarge if it has more than `most_bytes`; NoMemory; else
    // what is wrong with the device.
    virtual Result<OwnedArray<char>> read(std::string_view name, usize most_bytes) = 0;

    // Who is told of each file, by its name (empty: it has none that ends) and its number.
    class Visitor {
      public:
        virtual void visit(std::string_view name, u64 bytes, u32 number) = 0;

      protected:
        ~Visitor() = default;
    };
    virtual Result<> for_each(Visitor& visitor) = 0;

    // `Setup` is what an x86 kernel's file begins with; then the rest of it is the kernel.
    enum class Part : u8 { Setup, Kernel, Initrd, CommandLine };
    // 0: the host gives none.
    virtual Result<u64> bytes_of(Part part) = 0;

    // Who can stop what takes long: asked at least every 100 ms. False ends it with Interrupted.
    class Watcher {
      public:
        virtual bool goes_on() = 0;

      protected:
        ~Watcher() = default;
    };
    // A part's first bytes, as many as `into` holds; OutOfRange if it has fewer.
    virtual Result<> read(Part part, MutableBytes into, Watcher& watcher) = 0;

    // How many processors the machine has.
    virtual Result<u32> processors() = 0;

  protected:
    ~HostFiles() = default;
};

} // namespace vireo::system
