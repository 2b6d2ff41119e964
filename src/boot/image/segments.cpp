// SPDX-License-Identifier: Apache-2.0
#include "boot/image/segments.h"

namespace vireo::boot {

Result<> Segments::add(const Segment& segment) {
    if (segment.memory_bytes == 0)
        return {};
    u32 number = static_cast<u32>(count_) + 1;
    if (segment.file_bytes > segment.memory_bytes)
        return error(ErrorCode::Corrupt, "segment {} is larger in the file than in memory", number);
    if (!checked_add(segment.offset, segment.file_bytes) ||
        !checked_add(segment.address, segment.memory_bytes))
        return error(ErrorCode::Corrupt, "segment {} goes beyond all addresses", number);
    if (std::any_of(begin(), end(),
                    [&](const Segment& other) { return other.memory().overlaps(segment.memory()); }))
        return error(ErrorCode::Corrupt, "segment {} lies over another one", number);
    if (count_ == most)
        return error(ErrorCode::TooLarge, "it has more than {} segments", most);
    segments_[count_++] = segment;
    return {};
}

bool Segments::has(u64 address) const {
    return std::any_of(begin(), end(), [&](const Segment& segment) {
        return address - segment.address < segment.memory_bytes && address >= segment.address;
    });
}

Range Segments::span() const {
    u64 first = ~u64{0};
    u64 last = 0;
    for (const Segment& segment : *this) {
        first = std::min(first, segment.address);
        last = std::max(last, segment.memory().end());
    }
    return is_empty() ? Range{} : Range{first, last - first};
}

u64 Segments::file_bytes() const {
    u64 bytes = 0;
    for (const Segment& segment : *this)
        bytes = std::max(bytes, segment.offset + segment.file_bytes);
    return bytes;
}

bool Segments::can_be_copied_from(u64 base) const {
    for (const Segment* written = begin(); written != end(); ++written)
        for (const Segment* unread = written + 1; unread != end(); ++unread)
            if (written->memory().overlaps({base + unread->offset, unread->file_bytes}))
                return false;
    return true;
}

} // namespace vireo::boot
