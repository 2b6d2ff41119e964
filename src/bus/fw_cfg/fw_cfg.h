// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/window.h"

namespace vireo::bus {

// QEMU's firmware configuration device: named files from the host (QEMU docs/specs/fw_cfg). The host is not
// trusted: the number of files, their sizes and their names are checked before use.
class FwCfg {
  public:
    // Where the three registers lie in the window, and the byte order of the selector. Data is read a byte at
    // a time; DMA is a big-endian 64-bit address in two halves.
    struct Layout {
        u64 selector;
        u64 data;
        u64 dma;
        bool big_endian_selector;
        u64 bytes; // size of the window
    };
    // x86: ports 0x510 to 0x51b. The data port is the selector's upper byte.
    static constexpr Layout ports{0, 1, 4, false, 12};
    static constexpr u16 first_port = 0x510;
    // Device-tree machines: a register window of 24 bytes.
    static constexpr Layout memory{8, 0, 16, true, 24};

    // A file. `bytes` is what the host says and at most `most_bytes`.
    struct File {
        u16 selector = 0;
        u32 bytes = 0;
    };
    static constexpr u32 most_bytes = u32{1} << 31;
    static constexpr u32 most_files = 4096;

    // Looks for the device; NotFound if nothing answers with its signature.
    static Result<FwCfg> create(const io::Window& registers, const Layout& layout);

    // Finds a file by its full name, "etc/e820". NotFound; Corrupt if the directory makes no sense.
    Result<File> find(std::string_view name) const;

    // Who is told of the files. What the host says of one is not checked yet; a name without
    // its end is empty.
    class Visitor {
      public:
        // False: no more of them.
        virtual bool visit(std::string_view name, const File& file) = 0;

      protected:
        ~Visitor() = default;
    };
    // All files, in the host's order. Corrupt if there are more than `most_files`.
    Result<> for_each(Visitor& visitor) const;

    // Reads the file's first bytes, as many as `into` holds. OutOfRange if the file is shorter.
    Result<> read(const File& file, MutableBytes into) const;
    // The bytes that follow what was read last; what lies behind the file's end is zeros. Nobody may have
    // used the device meanwhile.
    Result<> read_on(MutableBytes into) const { return transfer(std::nullopt, into); }

    // Parts of an operating system (QEMU: -kernel, -initrd, -append), which have fixed numbers and no names.
    // `Setup` is what x86's kernels begin with; there the kernel is the rest of the file.
    enum class Part : u8 { Setup, Kernel, Initrd, CommandLine };
    // It as a file, of 0 bytes if the host gives none. Corrupt if it has more than `most_bytes`.
    Result<File> part(Part part) const;

    // How many processors run.
    Result<u16> processors() const;

    // Overwrites `from.size()` bytes of a file that the host lets be written, from `offset` on. OutOfRange if
    // they are not all in the file; NotSupported without DMA; Io if the host does not take them.
    Result<> write(const File& file, u32 offset, Bytes from) const;

    bool has_dma() const { return has_dma_; }

  private:
    FwCfg(const io::Window& registers, const Layout& layout) : registers_(registers), layout_(layout) {}

    void select(u16 item) const;
    // The next bytes of the item that was selected last; `item` selects it first.
    Result<> transfer(std::optional<u16> item, MutableBytes into) const;
    // One command of the DMA interface, for `bytes` at `where`.
    Result<> access_by_dma(u32 command, u32 bytes, uptr where) const;

    io::Window registers_;
    Layout layout_;
    bool has_dma_ = false;
};

} // namespace vireo::bus
