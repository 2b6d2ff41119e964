// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fixed_vector.h"
#include "base/result.h"

namespace vireo::system {

// A range of physical addresses and who it belongs to. The name has static storage.
struct MemoryRegion {
    u64 base;
    u64 bytes;
    const char* owner;
    u32 holds = 0; // see MemoryMap::hold; 0: somebody's for as long as he likes
    u64 end() const { return base + bytes; }
};

// The one owner of RAM: what the machine has, what is taken and by whom. Addresses are physical; Vireo
// maps all RAM at its physical address. Every address that a user, a file or the network gives is
// checked here before use.
class MemoryMap {
  public:
    static constexpr usize max_ram_banks = 16;
    static constexpr usize max_reservations = 48;
    static constexpr usize max_held_ranges = 8;

    // Adds a bank of RAM. Empty banks are ignored, overlapping or adjacent ones are merged; what does not fit
    // the address space or the table is refused.
    Result<> add_ram(u64 base, u64 bytes);

    // Marks a range as taken, wherever it lies (it may reach beyond RAM, and overlap other reservations).
    Result<> reserve(u64 base, u64 bytes, const char* owner);

    // Gives back what `reserve` or `allocate` took; the range must be exactly one of theirs.
    Result<> release(u64 base);

    // Keeps everybody off a range that a device may still reach although its request was given up, until
    // let_go() was called for it; it may overlap anything. Never fails: ranges that meet become one, which is
    // free when all of its holds have gone, and when there are too many, neighbours become one with all that
    // lies between them (a warning says so).
    void hold(u64 base, u64 bytes);
    void let_go(u64 base, u64 bytes);

    // Takes `bytes` of free RAM below `limit`, as high as possible, aligned to a power of two.
    Result<u64> allocate(u64 bytes, u64 alignment, const char* owner, u64 limit = ~u64{0});

    // [base, base + bytes) lies in RAM and belongs to nobody: the user, a file, a device may write it.
    // `OutOfRange` ("not in RAM") or `InvalidArgument` (with the owner's name as text).
    Result<> check_writable(u64 base, u64 bytes) const;

    // The lowest reservation that has some of [base, base + bytes); nullptr if nobody has. Until the next
    // change.
    const MemoryRegion* first_owner(u64 base, u64 bytes) const;

    // What lies below `end` is guarded against null pointers, RAM or not.
    void guard_below(u64 end) { guarded_ = end; }

    // [base, base + bytes) lies in RAM, and not where null pointers lead.
    Result<> check_readable(u64 base, u64 bytes) const;

    // Some of [base, base + bytes) is RAM.
    bool touches_ram(u64 base, u64 bytes) const;

    u64 total_ram() const;

    // Calls `use(base, end)` for each range of RAM that nobody owns, upwards.
    template <typename F> void for_each_free_range(F&& use) const {
        for (const MemoryRegion& bank : ram_) {
            u64 at = bank.base;
            for (const MemoryRegion& taken : reserved_) { // sorted, and may overlap
                if (taken.end() <= at || taken.base >= bank.end())
                    continue;
                if (taken.base > at)
                    use(at, taken.base);
                at = taken.end();
            }
            if (at < bank.end())
                use(at, bank.end());
        }
    }
    std::span<const MemoryRegion> ram() const { return {ram_.data(), ram_.size()}; }
    std::span<const MemoryRegion> reservations() const { return {reserved_.data(), reserved_.size()}; }

  private:
    FixedVector<MemoryRegion, max_ram_banks> ram_; // sorted, disjoint, not adjacent
    // Sorted by base. Those that are held are disjoint and not adjacent.
    FixedVector<MemoryRegion, max_reservations + max_held_ranges> reserved_;
    usize held_count_ = 0;
    u64 guarded_ = 0;
};

} // namespace vireo::system
