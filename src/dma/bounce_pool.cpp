// SPDX-License-Identifier: Apache-2.0
#include "dma/bounce_pool.h"

#include "base/math.h"

namespace vireo::dma {

namespace {

// Twice the segments that a request of BlockDevice can have: see largest_share().
constexpr usize shares_that_fit = 32;

u32 units_for(usize bytes, usize unit) { return static_cast<u32>((bytes + unit - 1) / unit); }

} // namespace

Result<> BouncePool::initialise(MutableBytes region, BusAddress bus) {
    VIREO_ASSERT(memory_ == nullptr);
    auto start = reinterpret_cast<uptr>(region.data());
    if (region.size() < min_bytes || region.size() > std::numeric_limits<u32>::max() ||
        !is_aligned(start, buffer_unit) || !is_aligned(bus.value, buffer_unit) ||
        !checked_add<u64>(bus.value, region.size()))
        return error(ErrorCode::InvalidArgument, "region of the DMA pool");
    usize pages = region.size() / buffer_unit;
    usize buffer_pages = pages / 4;
    buffers_offset_ = (pages - buffer_pages) * buffer_unit;
    transfers_ = VIREO_TRY(UnitMap::create(static_cast<u32>(buffers_offset_ / transfer_unit)));
    buffers_ = VIREO_TRY(UnitMap::create(static_cast<u32>(buffer_pages)));
    usize share = align_down<usize>(buffers_offset_ / shares_that_fit, buffer_unit);
    largest_share_ = static_cast<u32>(std::min<usize>(share, most_shared));
    std::memset(region.data(), 0, region.size());
    memory_ = region.data();
    bus_ = bus;
    return {};
}

Result<Mapping> BouncePool::allocate(usize bytes, usize alignment) {
    if (bytes == 0 || bytes > std::numeric_limits<u32>::max() || !std::has_single_bit(alignment) ||
        alignment > buffer_unit)
        return error(ErrorCode::InvalidArgument, "DMA buffer size");
    auto unit = buffers_.take(units_for(bytes, buffer_unit));
    if (!unit)
        return error(ErrorCode::NoMemory, "DMA pool exhausted");
    // Cleared when it became free, and once more: a device may have written to it since.
    std::memset(buffer_at(*unit), 0, bytes);
    return Mapping{buffer_at(*unit), static_cast<u32>(bytes), Direction::FromDevice, true,
                   bus_ + buffers_offset_ + *unit * buffer_unit};
}

u32 BouncePool::unit_of(const UnitMap& map, u64 offset, usize unit, u32 bytes) {
    VIREO_ASSERT(is_aligned(offset, unit) &&
                 map.taken_at(static_cast<u32>(offset / unit)) == units_for(bytes, unit));
    return static_cast<u32>(offset / unit);
}

void BouncePool::free(const Mapping& memory) {
    VIREO_ASSERT(memory.bus.value >= bus_.value + buffers_offset_);
    u32 unit = unit_of(buffers_, memory.bus.value - bus_.value - buffers_offset_, buffer_unit, memory.bytes);
    std::memset(buffer_at(unit), 0, memory.bytes);
    buffers_.give_back(unit);
}

Result<BusAddress> BouncePool::share(std::byte* memory, u32 bytes, Direction direction) {
    auto unit = bytes == 0 ? std::nullopt : transfers_.take(units_for(bytes, transfer_unit));
    if (!unit)
        return error(ErrorCode::NoMemory, "bounce memory exhausted");
    if (direction == Direction::ToDevice)
        std::memcpy(transfer_at(*unit), memory, bytes);
    return bus_ + *unit * transfer_unit;
}

void BouncePool::unshare(const Mapping& mapping) {
    VIREO_ASSERT(mapping.bus.value >= bus_.value && mapping.bus.value < bus_.value + buffers_offset_);
    u32 unit = unit_of(transfers_, mapping.bus.value - bus_.value, transfer_unit, mapping.bytes);
    if (mapping.direction == Direction::FromDevice && !mapping.abandoned)
        std::memcpy(mapping.memory, transfer_at(unit), mapping.bytes);
    std::memset(transfer_at(unit), 0, mapping.bytes);
    transfers_.give_back(unit);
}

} // namespace vireo::dma
