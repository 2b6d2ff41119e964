// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/math.h"
#include "base/result.h"
#include "io/access.h"

namespace vireo::io {

enum class Space : u8 { Memory, Port, Indirect };

// Registers that have no address of their own and are reached through others, such as what lies behind
// a PCI device's BARs through its configuration space. An address is aligned to the width of the
// access, 1, 2 or 4 bytes.
class IndirectRegisters {
  public:
    virtual u32 read(u64 address, u8 width) = 0;
    virtual void write(u64 address, u8 width, u32 value) = 0;

  protected:
    ~IndirectRegisters() = default;
};

// The first address that the processor cannot reach: what a machine describes beyond it does
// not exist for us.
constexpr u64 reach_of(Space space) {
    return space == Space::Port ? 0x1'0000 : sizeof(uptr) > 4 ? ~u64{0} : u64{1} << 32;
}

// How many register accesses there have been since start, through Windows and Doorbells: each load, store, or
// port access that (on a virtual machine) may leave the guest. A plain count, the same in each run that does
// the same; budgets of requests, doorbells and accesses are tested with differences of it. Windows that are
// made `uncounted` are left out.
u64 accesses();

namespace detail {
extern u64 access_count;
}

// A bounds-checked view of device registers in memory or port space, or behind others. Values are in the
// processor's byte order: all of Vireo's machines are little-endian, as the registers are. Cheap to copy. An
// access outside the window or a misaligned one is our own defect (asserted): offsets that come from a device
// are checked with `contains` first.
class Window {
  public:
    Window() = default;
    Window(Space space, u64 base, u64 bytes) : base_(base), bytes_(bytes), space_(space) {}
    // Space::Indirect. `registers` outlives the window; what it accesses in turn is counted,
    // this view is not.
    Window(IndirectRegisters& registers, u64 base, u64 bytes)
        : base_(base), bytes_(bytes), registers_(&registers), space_(Space::Indirect), counted_(0) {}

    u64 base() const { return base_; }
    u64 size() const { return bytes_; }
    Space space() const { return space_; }
    IndirectRegisters* registers() const { return registers_; } // nullptr unless Space::Indirect
    bool contains(u64 offset, u64 bytes) const { return range_fits(offset, bytes, bytes_); }
    // The same view, left out of accesses(): for a console, whose accesses follow what is
    // printed and what is typed.
    Window uncounted() const {
        Window window = *this;
        window.counted_ = 0;
        return window;
    }

    // The part [offset, offset + bytes); OutOfRange if it reaches outside.
    Result<Window> part(u64 offset, u64 bytes) const;

    u8 read8(u64 offset) const;
    u16 read16(u64 offset) const;
    u32 read32(u64 offset) const;
    void write8(u64 offset, u8 value) const;
    void write16(u64 offset, u16 value) const;
    void write32(u64 offset, u32 value) const;

  private:
    // Where to access; the access is counted.
    u64 address(u64 offset, u64 width) const;
    u64 base_ = 0;
    u64 bytes_ = 0;
    IndirectRegisters* registers_ = nullptr;
    Space space_ = Space::Memory;
    u8 counted_ = 1;
};

// A register of type T (u8, u16, u32) at a fixed offset: `using Status = Register<u32, 0x070>;`
template <typename T, u64 Offset> struct Register {
    static_assert(Offset % sizeof(T) == 0);
    static constexpr u64 offset = Offset;
    static T read(const Window& window) {
        if constexpr (sizeof(T) == 1)
            return window.read8(Offset);
        else if constexpr (sizeof(T) == 2)
            return window.read16(Offset);
        else
            return window.read32(Offset);
    }
    static void write(const Window& window, T value) {
        if constexpr (sizeof(T) == 1)
            window.write8(Offset, value);
        else if constexpr (sizeof(T) == 2)
            window.write16(Offset, value);
        else
            window.write32(Offset, value);
    }
};

} // namespace vireo::io
