// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dma/dma.h"
#include "dma/unit_map.h"

namespace vireo::dma {

// All that a device sees, on machines whose devices see only pages that were shared on purpose: confidential
// guests (VIRTIO_F_ACCESS_PLATFORM, section 6.1), another process (vhost-user). One region, given once, holds
// pool memory (rings, headers) in its last quarter and copies of the callers' bytes before it. It offers what
// a dma::backend has to.
//
// The device may write anywhere in the region at any time. So nothing that the pool itself relies on lies in
// it, and what comes from it is copied out once, into the caller's memory, before anybody looks at it. A
// range is cleared when it becomes free: its next user, and a device that writes less than it claims, find
// nothing of the last one.
//
// Exhaustion is NoMemory and passes as transfers end. Memory that is never given back, because a device has
// not confirmed its reset, stays taken: nobody else gets it.
class BouncePool {
  public:
    BouncePool() = default;
    BouncePool(const BouncePool&) = delete;
    BouncePool& operator=(const BouncePool&) = delete;

    // Takes over `region`, which devices see at `bus`, and clears it. Once. Errors: InvalidArgument
    // (less than `min_bytes`, more than 4 GiB, or not on a page boundary for us and for the device),
    // NoMemory (for the books).
    Result<> initialise(MutableBytes region, BusAddress bus);

    // --- what dma::backend is made of (dma.h has the contracts)
    Result<Mapping> allocate(usize bytes, usize alignment);
    void free(const Mapping& memory);
    Result<BusAddress> share(std::byte* memory, u32 bytes, Direction direction);
    void unshare(const Mapping& mapping);
    // The device has a copy, which stays its own; it is only not brought back.
    static void abandon(Mapping& mapping) { mapping.abandoned = true; }
    // A request of 16 such segments fits even when other devices hold half of the room, so a transfer that
    // has nothing in flight can always make progress; and several fit a large pool, so that copying overlaps
    // with the device's work.
    u32 largest_share() const { return largest_share_; }

    // Room for copies that is free, in bytes (for tests and statistics).
    u64 free_bytes() const { return u64{transfers_.free_units()} * transfer_unit; }

    static constexpr usize min_bytes = usize{4} << 20;

  private:
    // A sector, so that scattered small reads do not waste the pool.
    static constexpr usize transfer_unit = 512;
    // A page: alignment of pool memory then comes by itself.
    static constexpr usize buffer_unit = 4096;
    static constexpr u32 most_shared = u32{256} << 10;

    // The range that was given out at `bus`, `bytes` long, begins at this unit of an area (asserted: what is
    // given back is what was taken).
    static u32 unit_of(const UnitMap& map, u64 offset, usize unit, u32 bytes);
    std::byte* transfer_at(u32 unit) const { return memory_ + unit * transfer_unit; }
    std::byte* buffer_at(u32 unit) const { return memory_ + buffers_offset_ + unit * buffer_unit; }

    std::byte* memory_ = nullptr;
    BusAddress bus_;
    usize buffers_offset_ = 0;
    u32 largest_share_ = 0;
    UnitMap transfers_;
    UnitMap buffers_;
};

} // namespace vireo::dma
