// SPDX-License-Identifier: Apache-2.0
#include "system/memory_map.h"

#include "base/log.h"
#include "base/math.h"

namespace vireo::system {

// Inserts in order of base; the caller has checked that there is room.
template <usize N> static void insert_sorted(FixedVector<MemoryRegion, N>& list, const MemoryRegion& region) {
    VIREO_ASSERT(list.try_push_back(region));
    for (usize i = list.size() - 1; i > 0 && list[i].base < list[i - 1].base; --i)
        std::swap(list[i], list[i - 1]);
}

// Makes `region` reach over `other`, too.
static void cover(MemoryRegion& region, const MemoryRegion& other) {
    u64 end = std::max(region.end(), other.end());
    region.base = std::min(region.base, other.base);
    region.bytes = end - region.base;
    region.holds += other.holds;
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
        cover(bank, ram_[i]);
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
    if (reserved_.size() - held_count_ == max_reservations)
        return error(ErrorCode::TooLarge, "too many memory reservations");
    insert_sorted(reserved_, {base, bytes, owner});
    return {};
}

Result<> MemoryMap::release(u64 base) {
    for (usize i = 0; i < reserved_.size(); ++i) {
        if (reserved_[i].base == base && reserved_[i].holds == 0) {
            reserved_.erase(i);
            return {};
        }
    }
    return error(ErrorCode::NotFound, "no such reservation");
}

void MemoryMap::hold(u64 base, u64 bytes) {
    VIREO_ASSERT(bytes != 0 && checked_add<u64>(base, bytes));
    MemoryRegion held{base, bytes, "unfinished disk requests", 1};
    auto take_over = [&](usize index) {
        cover(held, reserved_[index]);
        reserved_.erase(index);
        --held_count_;
    };
    for (usize i = 0; i < reserved_.size();) {
        const MemoryRegion& other = reserved_[i];
        if (other.holds != 0 && other.base <= held.end() && held.base <= other.end())
            take_over(i);
        else
            ++i;
    }
    if (held_count_ == max_held_ranges) {
        auto distance = [&](const MemoryRegion& other) {
            return other.base > held.base ? other.base - held.end() : held.base - other.end();
        };
        std::optional<usize> nearest;
        for (usize i = 0; i < reserved_.size(); ++i)
            if (reserved_[i].holds != 0 &&
                (!nearest || distance(reserved_[i]) < distance(reserved_[*nearest])))
                nearest = i;
        take_over(*nearest);
        warn("RAM from 0x{:x} to 0x{:x} is not free until disk requests in it end", held.base,
             held.end() - 1);
    }
    insert_sorted(reserved_, held);
    ++held_count_;
}

void MemoryMap::let_go(u64 base, u64 bytes) {
    for (usize i = 0; i < reserved_.size(); ++i) {
        MemoryRegion& held = reserved_[i];
        if (held.holds == 0 || base < held.base || !range_fits(base - held.base, bytes, held.bytes))
            continue;
        if (--held.holds == 0) {
            reserved_.erase(i);
            --held_count_;
        }
        return;
    }
    VIREO_ASSERT(!"a range that was held");
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

bool MemoryMap::touches_ram(u64 base, u64 bytes) const {
    u64 end = checked_add(base, bytes).value_or(~u64{0});
    return std::ranges::any_of(
        ram_, [&](const auto& bank) { return ranges_overlap(base, end - base, bank.base, bank.bytes); });
}

Result<> MemoryMap::check_readable(u64 base, u64 bytes) const {
    if (base < guarded_)
        return error(ErrorCode::OutOfRange, "guarded against null pointers");
    for (const MemoryRegion& bank : ram_)
        if (base >= bank.base && range_fits(base - bank.base, bytes, bank.bytes))
            return {};
    return error(ErrorCode::OutOfRange, "not in RAM");
}

Result<> MemoryMap::check_writable(u64 base, u64 bytes) const {
    VIREO_TRY(check_readable(base, bytes));
    if (const MemoryRegion* taken = first_owner(base, bytes))
        return error(ErrorCode::InvalidArgument, taken->owner);
    return {};
}

const MemoryRegion* MemoryMap::first_owner(u64 base, u64 bytes) const {
    for (const MemoryRegion& taken : reserved_)
        if (ranges_overlap(base, bytes, taken.base, taken.bytes))
            return &taken;
    return nullptr;
}

u64 MemoryMap::total_ram() const {
    u64 sum = 0;
    for (const MemoryRegion& bank : ram_)
        sum += bank.bytes;
    return sum;
}

} // namespace vireo::system
