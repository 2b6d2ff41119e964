// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/math.h"
#include "dma/bounce_pool.h"

#include <map>
#include <vector>

// The memory that fake devices see: the back end of dma. Shared bytes are bounced: the device works on a copy
// at an address that has nothing to do with the pointer, so a missing share, a missing unshare, a wrong
// direction and a pointer passed off as an address all show. With use_pool() the bytes go through a pool of
// the product instead, and the arena keeps its own books beside it.
namespace vireo::hosted {

// Told when the program takes memory back, so that a device that still holds it can complain.
class DmaObserver {
  public:
    DmaObserver();
    virtual void memory_taken_back(u64 bus, u64 bytes) = 0;

  protected:
    ~DmaObserver();
};

class DmaArena {
  public:
    enum class Use : u8 { Read, Write }; // by the device

    static DmaArena& instance();
    ~DmaArena() { reset(); }

    // --- for tests --------------------------------------------------------------------------------------------
    // Forgets everything, as at program start.
    void reset();
    // Bus addresses are handed out from here on, upwards, and never twice. The default lies above 4 GiB.
    void place_at(u64 bus);
    // From now on, until reset(), all memory comes from `pool`, which was given `region` at `bus`; both
    // outlive that. A range that the pool gives out beyond the region, or twice, is reported ("dma.pool").
    void use_pool(dma::BouncePool& pool, MutableBytes region, u64 bus);
    // From now on, until reset(), devices work on the program's own bytes, as in the firmware:
    // nothing is bounced.
    void work_in_place() { in_place_ = true; }
    // The n-th allocation (share) from now fails with NoMemory, once; 1 is the next one, 0 none.
    void fail_allocation(unsigned n) { fail_allocation_ = n; }
    void fail_share(unsigned n) { fail_share_ = n; }
    usize live_buffers() const; // memory that was allocated and not freed
    usize live_shares() const;  // ranges that were shared and not unshared
    // Of those, the ones that the program still calls its own: not abandoned, so nobody keeps them from being
    // reused. None, once no operation is under way.
    usize open_shares() const;
    // Reports "dma.leak" for each range that is still there, or "dma.open" for each open share.
    void report_leaks() const;
    void report_open_shares() const;

    // --- the device's side ------------------------------------------------------------------------------------
    // Where the device finds [bus, bus + bytes); nullptr, and a report ("dma.not-shared",
    // "dma.taken-back", "dma.direction"), if the program has not given all of it in this direction. `who`
    // names the device in reports.
    std::byte* reach(u64 bus, u64 bytes, Use use, const std::string& who);

    // --- the program's side (dma::backend) --------------------------------------------------------------------
    Result<dma::Mapping> allocate(usize bytes, usize alignment);
    void free(const dma::Mapping& memory);
    Result<dma::BusAddress> share(std::byte* memory, u32 bytes, dma::Direction direction);
    void unshare(const dma::Mapping& mapping);
    // The program's bytes stay as they are from now on. An installed custodian is told, as in the firmware,
    // unless there is a pool.
    void abandon(dma::Mapping& mapping);
    u32 largest_share() const;

  private:
    friend class DmaObserver;
    struct Range {
        u64 bytes;
        std::byte* memory; // as the device sees it
        bool pooled;
        dma::Direction direction; // of a share
        std::byte* original;      // of a share: the program's bytes
        usize alignment;          // of pool memory
        bool abandoned = false;   // of a share
        bool kept = false;        // by the custodian
        bool is_in_place() const { return memory == original; }
    };
    u64 next_bus(u64 bytes, u64 alignment, u64 low_bits);
    std::map<u64, Range>::iterator find_share(const dma::Mapping& mapping);
    std::byte* pool_memory(u64 bus, u64 bytes) const;
    void tell_taken_back(u64 bus, u64 bytes);

    std::map<u64, Range> ranges_;
    std::vector<DmaObserver*> observers_;
    u64 first_ = default_base;
    u64 next_ = default_base;
    unsigned fail_allocation_ = 0;
    unsigned fail_share_ = 0;
    bool in_place_ = false;
    dma::BouncePool* pool_ = nullptr;
    MutableBytes pool_region_;
    static constexpr u64 default_base = 0x1'4000'0000;
};

} // namespace vireo::hosted
