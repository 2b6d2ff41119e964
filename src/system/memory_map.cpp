// SPDX-License-Identifier: Apache-2.0
#include "system/memory_map.h"

#include "base/math.h"

namespace vireo::system {

// Inserts in order of base; the caller has checked that there is room.
template <usize N> static void insert_sorted(FixedVector<MemoryRegion, N>& list, const MemoryRegion& region) {
    VIREO_ASSERT(list.try_push_back(region));
    for (usize i = list.size() - 1; i > 0 && list[i].base < list[i - 1].base; --i)
        std::swap(list[i], list[i - 1]);
}

Result<> MemoryMap::add_ram(u64 base, u64 bytes) {
    if (bytes == 0)
        return {};
    if (!checked_add<u64>(base, bytes))
        return error(ErrorCode::OutOfRange, "RAM bank wraps the address space");
    MemoryRegion bank{base, bytes, "RAM"};
    for (usize i = 0; i < ram_.size();) {
        if (ram_[i].base > bank.end() || ram_[i].end() < bank.base) {
            ++i;
            continue;
        }
        u64 end = std::max(bank.end(), ram_[i].end());
        bank.base = std::min(bank.base, ram_[i].base);
        bank.bytes = end - bank.base;
        ram_.erase(i);
    }
    if (ram_.is_full())
        return error(ErrorCode::TooLarge, "too many RAM banks");
    insert_sorted(ram_, bank);
    return {};
}

Result<> MemoryMap::reserve(u64 base, u64 bytes, const char* owner) {
    if (bytes == 0)
        return {};
    if (!checked_add<u64>(base, bytes))
        return error(ErrorCode::OutOfRange, "reservation wraps the address space");
    if (reserved_.is_full())
        return error(ErrorCode::TooLarge, "too many memory reservations");
    insert_sorted(reserved_, {base, bytes, owner});
    return {};
}

Result<> MemoryMap::release(u64 base) {
    for (usize i = 0; i < reserved_.size(); ++i) {
        if (reserved_[i].base == base) {
            reserved_.erase(i);
            return {};
        }
    }
    return error(ErrorCode::NotFound, "no such reservation");
}

Result<u64> MemoryMap::allocate(u64 bytes, u64 alignment, const char* owner, u64 limit) {
    for (usize i = ram_.size(); i-- > 0;) {
        const MemoryRegion& bank = ram_[i];
        u64 top = std::min(bank.end(), limit);
        // Each round either fits or moves below one more reservation, so it ends.
        while (top >= bank.base && top - bank.base >= bytes) {
            u64 base = align_down<u64>(top - bytes, alignment);
            if (base < bank.base)
                break;
            const MemoryRegion* in_the_way = nullptr;
            for (const MemoryRegion& taken : reserved_)
                if (ranges_overlap(base, bytes, taken.base, taken.bytes))
                    in_the_way = &taken;
            if (!in_the_way) {
                VIREO_TRY(reserve(base, bytes, owner));
                return base;
            }
            top = in_the_way->base;
        }
    }
    return error(ErrorCode::NoMemory, "no free RAM of that size");
}

Result<> MemoryMap::check_readable(u64 base, u64 bytes) const {
    for (const MemoryRegion& bank : ram_)
        if (base >= bank.base && range_fits(base - bank.base, bytes, bank.bytes))
            return {};
    return error(ErrorCode::OutOfRange, "not in RAM");
}

Result<> MemoryMap::check_writable(u64 base, u64 bytes) const {
    VIREO_TRY(check_readable(base, bytes));
    for (const MemoryRegion& taken : reserved_)
        if (ranges_overlap(base, bytes, taken.base, taken.bytes))
            return error(ErrorCode::InvalidArgument, taken.owner);
    return {};
}

u64 MemoryMap::total_ram() const {
    u64 sum = 0;
    for (const MemoryRegion& bank : ram_)
        sum += bank.bytes;
    return sum;
}

} // namespace vireo::system
