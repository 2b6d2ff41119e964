// SPDX-License-Identifier: Apache-2.0
#include "hosted/dma_arena.h"

#include "dma/custodian.h"
#include "hosted/report.h"

#include <cstdlib>

namespace vireo::hosted {
namespace {

// What the device finds in a buffer that it is to fill, and the program in what the device left untouched.
constexpr int poison = 0xdb;
// Unused addresses between two ranges, so that running over the end hits nothing.
constexpr u64 gap = 0x1000;

const char* name_of(dma::Direction direction) {
    return direction == dma::Direction::ToDevice ? "to the device" : "from the device";
}

// True for the call that a counter was set to fail.
bool counts_down_to_failure(unsigned& counter) { return counter != 0 && --counter == 0; }

std::string range_name(u64 bus, u64 bytes) {
    return std::to_string(bytes) + " bytes at bus address " + hex(bus);
}

} // namespace

DmaArena& DmaArena::instance() {
    static DmaArena arena;
    return arena;
}

void DmaArena::reset() {
    if (!pool_)
        for (auto& [bus, range] : ranges_)
            if (!range.is_in_place())
                std::free(range.memory);
    ranges_.clear();
    pool_ = nullptr;
    in_place_ = false;
    place_at(default_base);
    fail_allocation_ = fail_share_ = 0;
}

void DmaArena::place_at(u64 bus) { first_ = next_ = bus; }

void DmaArena::use_pool(dma::BouncePool& pool, MutableBytes region, u64 bus) {
    reset();
    pool_ = &pool;
    pool_region_ = region;
    first_ = bus;
    next_ = bus + region.size();
}

// Where the device finds what the pool has given out at `bus`.
std::byte* DmaArena::pool_memory(u64 bus, u64 bytes) const {
    if (bus < first_ || !range_fits(bus - first_, bytes, pool_region_.size())) {
        report("dma.pool", range_name(bus, bytes) + " lie beyond the pool");
        return pool_region_.data();
    }
    auto next = ranges_.lower_bound(bus);
    bool meets_next = next != ranges_.end() && next->first < bus + bytes;
    bool meets_previous =
        next != ranges_.begin() && std::prev(next)->first + std::prev(next)->second.bytes > bus;
    if (meets_next || meets_previous)
        report("dma.pool", range_name(bus, bytes) + " were given out before");
    return pool_region_.data() + (bus - first_);
}

usize DmaArena::live_buffers() const {
    return static_cast<usize>(
        std::count_if(ranges_.begin(), ranges_.end(), [](auto& r) { return r.second.pooled; }));
}
usize DmaArena::live_shares() const { return ranges_.size() - live_buffers(); }

void DmaArena::report_leaks() const {
    for (auto& [bus, range] : ranges_)
        report("dma.leak",
               range_name(bus, range.bytes) + (range.pooled ? " were never freed" : " were never unshared"));
}

usize DmaArena::open_shares() const {
    return static_cast<usize>(std::count_if(ranges_.begin(), ranges_.end(),
                                            [](auto& r) { return !r.second.pooled && !r.second.abandoned; }));
}

void DmaArena::report_open_shares() const {
    for (auto& [bus, range] : ranges_)
        if (!range.pooled && !range.abandoned)
            report("dma.open",
                   range_name(bus, range.bytes) + " are open to the device, and nobody keeps them");
}

u64 DmaArena::next_bus(u64 bytes, u64 alignment, u64 low_bits) {
    u64 bus = align_up<u64>(next_, std::max<u64>(alignment, 16)) + low_bits;
    next_ = align_up<u64>(bus + bytes + gap, 16);
    return bus;
}

Result<dma::Mapping> DmaArena::allocate(usize bytes, usize alignment) {
    if (bytes == 0 || !std::has_single_bit(alignment) || alignment > 4096 ||
        bytes > std::numeric_limits<u32>::max()) {
        report("dma.argument",
               "allocation of " + std::to_string(bytes) + " bytes aligned to " + std::to_string(alignment));
        return error(ErrorCode::InvalidArgument, "DMA allocation");
    }
    if (counts_down_to_failure(fail_allocation_))
        return error(ErrorCode::NoMemory, "DMA memory exhausted");
    if (pool_) {
        auto mapping = VIREO_TRY(pool_->allocate(bytes, alignment));
        std::byte* start = pool_memory(mapping.bus.value, bytes);
        if (start != mapping.memory || !is_aligned(mapping.bus.value, alignment))
            report("dma.pool", range_name(mapping.bus.value, bytes) + ": address and pointer disagree");
        ranges_[mapping.bus.value] = Range{bytes, start, true, dma::Direction::ToDevice, nullptr, alignment};
        return mapping;
    }
    void* memory = nullptr;
    if (posix_memalign(&memory, std::max(alignment, sizeof(void*)), bytes) != 0)
        return error(ErrorCode::NoMemory, "DMA memory exhausted");
    std::memset(memory, 0, bytes);
    u64 bus = next_bus(bytes, alignment, 0);
    auto* start = static_cast<std::byte*>(memory);
    ranges_[bus] = Range{bytes, start, true, dma::Direction::ToDevice, nullptr, alignment};
    return dma::Mapping{start, static_cast<u32>(bytes), dma::Direction::ToDevice, true, {bus}};
}

void DmaArena::tell_taken_back(u64 bus, u64 bytes) {
    for (DmaObserver* observer : observers_)
        observer->memory_taken_back(bus, bytes);
}

void DmaArena::free(const dma::Mapping& memory) {
    auto range = ranges_.find(memory.bus.value);
    if (range == ranges_.end() || !range->second.pooled || range->second.memory != memory.memory) {
        report("dma.free",
               "freed, but not allocated (or freed before): " + range_name(memory.bus.value, memory.bytes));
        return;
    }
    tell_taken_back(range->first, range->second.bytes);
    if (pool_)
        pool_->free(memory);
    else
        std::free(range->second.memory);
    ranges_.erase(range);
}

Result<dma::BusAddress> DmaArena::share(std::byte* memory, u32 bytes, dma::Direction direction) {
    if (!memory || bytes == 0) {
        report("dma.argument", "empty range shared");
        return error(ErrorCode::InvalidArgument, "DMA range");
    }
    if (counts_down_to_failure(fail_share_))
        return error(ErrorCode::NoMemory, "bounce memory exhausted");
    if (pool_) {
        auto bus = VIREO_TRY(pool_->share(memory, bytes, direction));
        ranges_[bus.value] = Range{bytes, pool_memory(bus.value, bytes), false, direction, memory, 1};
        return bus;
    }
    auto* bounce = in_place_ ? memory : static_cast<std::byte*>(std::malloc(bytes));
    if (!bounce)
        return error(ErrorCode::NoMemory, "bounce memory exhausted");
    if (in_place_)
        ; // what is there is what the device sees
    else if (direction == dma::Direction::ToDevice)
        std::memcpy(bounce, memory, bytes);
    else
        std::memset(bounce, poison, bytes);
    // The place in a page stays the same, as with an IOMMU; everything above it does not.
    u64 bus = next_bus(bytes, 4096, reinterpret_cast<uptr>(memory) & 0xfff);
    ranges_[bus] = Range{bytes, bounce, false, direction, memory, 1};
    return dma::BusAddress{bus};
}

std::map<u64, DmaArena::Range>::iterator DmaArena::find_share(const dma::Mapping& mapping) {
    auto range = ranges_.find(mapping.bus.value);
    bool is_it = range != ranges_.end() && !range->second.pooled &&
                 range->second.original == mapping.memory && range->second.bytes == mapping.bytes &&
                 range->second.direction == mapping.direction;
    return is_it ? range : ranges_.end();
}

void DmaArena::unshare(const dma::Mapping& mapping) {
    auto range = find_share(mapping);
    if (range == ranges_.end() || range->second.abandoned != mapping.abandoned) {
        report("dma.unshare", "unshared, but not shared so (or unshared before): " +
                                  range_name(mapping.bus.value, mapping.bytes));
        return;
    }
    tell_taken_back(range->first, range->second.bytes);
    if (pool_) {
        pool_->unshare(mapping);
    } else if (!range->second.is_in_place()) {
        if (mapping.direction == dma::Direction::FromDevice && !mapping.abandoned)
            std::memcpy(mapping.memory, range->second.memory, mapping.bytes);
        std::free(range->second.memory);
    }
    if (range->second.kept)
        dma::custodian()->give_back({mapping.memory, mapping.bytes});
    ranges_.erase(range);
}

void DmaArena::abandon(dma::Mapping& mapping) {
    auto range = find_share(mapping);
    if (range == ranges_.end() || range->second.abandoned || mapping.abandoned) {
        report("dma.abandon", "abandoned, but not shared so (or abandoned before): " +
                                  range_name(mapping.bus.value, mapping.bytes));
        return;
    }
    range->second.abandoned = true;
    if (pool_)
        dma::BouncePool::abandon(mapping);
    else
        mapping.abandoned = true;
    if (!pool_ && dma::custodian())
        range->second.kept = dma::custodian()->keep({mapping.memory, mapping.bytes});
}

u32 DmaArena::largest_share() const {
    return pool_ ? pool_->largest_share() : std::numeric_limits<u32>::max();
}

std::byte* DmaArena::reach(u64 bus, u64 bytes, Use use, const std::string& who) {
    std::string what = who + (use == Use::Read ? " reads " : " writes ") + range_name(bus, bytes);
    auto it = ranges_.upper_bound(bus);
    if (it == ranges_.begin() ||
        !range_fits(bus - std::prev(it)->first, bytes, std::prev(it)->second.bytes)) {
        if (bus >= first_ && bus < next_)
            report("dma.taken-back", what + ": the program took that memory back, or it ends before");
        else
            report("dma.not-shared", what + ": that was never given to a device");
        return nullptr;
    }
    --it;
    const Range& range = it->second;
    bool is_write = use == Use::Write;
    if (!range.pooled && is_write != (range.direction == dma::Direction::FromDevice)) {
        report("dma.direction", what + ": shared " + name_of(range.direction));
        return nullptr;
    }
    return range.memory + (bus - it->first);
}

DmaObserver::DmaObserver() { DmaArena::instance().observers_.push_back(this); }
DmaObserver::~DmaObserver() { std::erase(DmaArena::instance().observers_, this); }

} // namespace vireo::hosted

namespace vireo::dma::backend {

using hosted::DmaArena;

Result<Mapping> allocate(usize bytes, usize alignment) {
    return DmaArena::instance().allocate(bytes, alignment);
}
void free(const Mapping& memory) { DmaArena::instance().free(memory); }
Result<BusAddress> share(std::byte* memory, u32 bytes, Direction direction) {
    return DmaArena::instance().share(memory, bytes, direction);
}
void unshare(const Mapping& mapping) { DmaArena::instance().unshare(mapping); }
void abandon(Mapping& mapping) { DmaArena::instance().abandon(mapping); }

u32 largest_share() { return DmaArena::instance().largest_share(); }

} // namespace vireo::dma::backend
