// SPDX-License-Identifier: Apache-2.0
#include "block/cache.h"

#include "base/sort.h"

namespace vireo::block {

Result<Cache> Cache::create(device::BlockDevice& device, u64 first_block, u64 block_count) {
    Cache cache;
    cache.device_ = &device;
    cache.first_block_ = first_block;
    cache.block_count_ = block_count;
    cache.line_bytes_ = std::max(smallest_line_bytes, device.facts().block_bytes);
    usize count = pool_bytes / cache.line_bytes_;
    cache.lines_ = VIREO_TRY(OwnedArray<Line>::create(count));
    for (Line& line : cache.lines_)
        line.number = no_line;
    // Not value-initialised: clearing half a MiB for every command that opens a volume would
    // cost more than its reads.
    cache.memory_.reset(new (std::nothrow) std::byte[count * cache.line_bytes_]);
    if (!cache.memory_)
        return error(ErrorCode::NoMemory, "block cache");
    return cache;
}

// The last line of a volume may be short.
MutableBytes Cache::memory_of(usize slot, u64 number) {
    u64 bytes = std::min<u64>(line_bytes_, volume_bytes() - number * line_bytes_);
    return {memory_.get() + slot * line_bytes_, static_cast<usize>(bytes)};
}

std::optional<usize> Cache::find(u64 number) {
    if (lines_[recent_slot_].number == number)
        return recent_slot_;
    for (usize slot = 0; slot < lines_.size(); ++slot)
        if (lines_[slot].number == number)
            return recent_slot_ = slot;
    return std::nullopt;
}

usize Cache::oldest_slot() const {
    usize oldest = 0;
    for (usize slot = 0; slot < lines_.size(); ++slot) {
        if (lines_[slot].number == no_line)
            return slot;
        // Ages, not times: right across a wrap of the clock.
        if (clock_ - lines_[slot].last_use > clock_ - lines_[oldest].last_use)
            oldest = slot;
    }
    return oldest;
}

// Reads lines that are not in the cache, in ascending order of `numbers`, at most as many as there are slots.
Result<> Cache::fetch(std::span<const u64> numbers) {
    FixedVector<device::BlockExtent, most_lines> extents;
    FixedVector<usize, most_lines> slots;
    u32 block_bytes = device_->facts().block_bytes;
    for (u64 number : numbers) {
        usize slot = oldest_slot();
        lines_[slot] = {number, ++clock_};
        MutableBytes memory = memory_of(slot, number);
        u64 block = first_block_ + number * (line_bytes_ / block_bytes);
        VIREO_ASSERT(slots.try_push_back(slot));
        VIREO_ASSERT(extents.try_push_back({block, memory.data(), memory.size()}));
    }
    Result<> done = device_->read({extents.data(), extents.size()});
    if (!done)
        for (usize slot : slots)
            lines_[slot].number = no_line;
    return done;
}

// The slot that holds a line, read now if it was not there.
Result<usize> Cache::line(u64 number) {
    if (std::optional<usize> slot = find(number)) {
        lines_[*slot].last_use = ++clock_;
        return *slot;
    }
    read_ahead_ = number == next_miss_
                      ? std::min(read_ahead_ * 2, std::min<u64>(most_read_ahead_lines, lines_.size()))
                      : 1;
    u64 line_count = (volume_bytes() + line_bytes_ - 1) / line_bytes_;
    std::array<u64, most_read_ahead_lines> numbers;
    usize count = 0;
    while (count < read_ahead_ && number + count < line_count && (count == 0 || !find(number + count))) {
        numbers[count] = number + count;
        ++count;
    }
    next_miss_ = number + count;
    Result<> done = fetch({numbers.data(), count});
    // A bad block ahead must not spoil what was asked for.
    if (!done && done.error().code == ErrorCode::Io && count > 1)
        done = fetch({numbers.data(), 1});
    VIREO_TRY(done);
    return find(number).value();
}

// Exactly the logical blocks that hold [offset, offset + memory.size()), which lies in one line: for a line
// that has a bad block elsewhere.
Result<> Cache::read_around_cache(u64 offset, MutableBytes memory) {
    u32 block_bytes = device_->facts().block_bytes;
    usize slot = oldest_slot();
    lines_[slot].number = no_line;
    u64 start = align_down(offset, block_bytes);
    usize bytes = static_cast<usize>(align_up(offset + memory.size(), block_bytes) - start);
    MutableBytes scratch(memory_.get() + slot * line_bytes_, bytes);
    VIREO_TRY(device_->read(first_block_ + start / block_bytes, scratch));
    std::memcpy(memory.data(), scratch.data() + (offset - start), memory.size());
    return {};
}

Result<> Cache::read(u64 offset, MutableBytes memory) {
    while (!memory.empty()) {
        u64 number = offset / line_bytes_;
        usize within = static_cast<usize>(offset % line_bytes_);
        usize bytes = std::min<usize>(memory.size(), line_bytes_ - within);
        Result<usize> slot = line(number);
        if (slot)
            std::memcpy(memory.data(), memory_of(*slot, number).data() + within, bytes);
        else if (slot.error().code == ErrorCode::Io)
            VIREO_TRY(read_around_cache(offset, memory.first(bytes)));
        else
            return slot.error();
        offset += bytes;
        memory = memory.subspan(bytes);
    }
    return {};
}

// The lines that [offset, offset + bytes) touches, as the first and the one behind the last.
std::pair<u64, u64> Cache::lines_of(u64 offset, u32 bytes) const {
    return {offset / line_bytes_, (offset + std::max<u32>(bytes, 1) - 1) / line_bytes_ + 1};
}

Result<usize> Cache::prefetch(std::span<const u64> offsets, u32 bytes_each) {
    usize covered = 0;
    auto is_here = [&](u64 offset) {
        auto [first, last] = lines_of(offset, bytes_each);
        for (u64 number = first; number < last; ++number)
            if (!find(number))
                return false;
        return true;
    };
    while (covered < offsets.size() && is_here(offsets[covered]))
        ++covered;
    if (covered > 0 || offsets.empty())
        return covered;

    FixedVector<u64, most_lines> missing;
    usize claimed = 0;          // slots that hold, or will hold, a line of this call
    const u32 start = ++clock_; // lines used after this belong to the call and must not make room
    auto claim = [&](u64 number) {
        if (std::find(missing.begin(), missing.end(), number) != missing.end())
            return true;
        std::optional<usize> slot = find(number);
        if (slot && static_cast<i32>(lines_[*slot].last_use - start) > 0)
            return true;
        if (claimed == lines_.size())
            return false;
        ++claimed;
        if (slot)
            lines_[*slot].last_use = ++clock_;
        return slot || missing.try_push_back(number);
    };
    for (; covered < offsets.size(); ++covered) {
        auto [first, last] = lines_of(offsets[covered], bytes_each);
        bool fits = true;
        for (u64 number = first; fits && number < last; ++number)
            fits = claim(number);
        if (!fits)
            break;
    }
    sort_few(std::span(missing.data(), missing.size()), [](u64 a, u64 b) { return a < b; });
    Result<> done = fetch({missing.data(), missing.size()});
    if (!done && done.error().code != ErrorCode::Io)
        return done.error();
    return covered;
}

} // namespace vireo::block
