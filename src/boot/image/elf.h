// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/endian.h"
#include "boot/image/needs.h"

namespace vireo::boot {

// An ELF file of either width, of a little-endian machine ("System V ABI", chapters 4 and 5). It reads `file`
// when it is asked, which stays the caller's.
class Elf {
  public:
    // e_machine, of those that Vireo runs on.
    static constexpr u16 i386 = 3;
    static constexpr u16 arm = 40;
    static constexpr u16 x86_64 = 62;
    static constexpr u16 arm64 = 183;
    static constexpr u16 riscv = 243;

    // Corrupt or NotSupported, with a text for the user. `file` begins with ELF's magic.
    static Result<Elf> read(Bytes file);

    u16 machine() const { return machine_; }
    bool is_64_bit() const { return is_64_bit_; }
    // "x86_64"; empty: nobody's whose kernels are known here.
    std::string_view machine_name() const;
    bool is_x86() const { return machine_ == i386 || machine_ == x86_64; }

    // What is to be loaded: by its program headers to their physical addresses, or else by its sections, to
    // the only addresses that those have. There is at least one.
    Result<Segments> segments() const;
    Result<Segments> sections() const;
    // The address of its first instruction, physical: what the file says is one of those that its segments
    // are linked for, or where they are loaded to.
    u64 entry() const;

    // What a note of that kind of that owner says, a number of 4 or 8 bytes (chapter 5, "Note Section");
    // nothing if there is none.
    Result<std::optional<u64>> note(std::string_view owner, u32 kind) const;

    // What such a program or kernel needs of memory. Corrupt: its entry is in none of the segments.
    static Result<Needs> needs_of(ImageKind kind, const Segments& segments, u64 entry);

  private:
    struct ProgramHeader {
        u32 type;
        u64 virtual_address;
        Segment segment;
    };
    struct Table {
        u64 offset;
        u16 entries;
        u16 entry_bytes;
    };
    Elf() = default;
    Result<> check(const Table& table, usize least_bytes) const;
    ProgramHeader program_header(u16 index) const;

    Bytes file_{};
    u16 machine_ = 0;
    bool is_64_bit_ = false;
    u64 entry_ = 0;
    Table programs_{};
    Table sections_{};
};

} // namespace vireo::boot
