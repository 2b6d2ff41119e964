// SPDX-License-Identifier: Apache-2.0
#include "boot/acpi/address_map.h"

namespace vireo::boot {

namespace {

u64 end_of(const Range& range) { return checked_add(range.base, range.bytes).value_or(~u64{0}); }

// Where the first of `reserved` that lies behind `at`, or over it, begins and ends.
std::optional<Range> next_reserved(std::span<const Range> reserved, u64 at) {
    std::optional<Range> next;
    for (const Range& range : reserved) {
        u64 base = std::max(range.base, at);
        u64 end = end_of(range);
        if (end <= base)
            continue;
        if (!next || base < next->base)
            next = Range{base, end - base};
        else if (base == next->base)
            next->bytes = std::max(next->bytes, end - base);
    }
    return next;
}

} // namespace

Result<> make_address_map(const system::MemoryMap& map, std::span<const Range> reserved, AddressMap& into) {
    auto add = [&](u64 base, u64 end, u32 type) -> Result<> {
        if (base == end)
            return {};
        // What goes on from the one before is one with it.
        if (!into.is_empty()) {
            AddressRange& last = into.back();
            if (last.type == type && last.base + last.bytes == base) {
                last.bytes = end - last.base;
                return {};
            }
        }
        if (!into.try_push_back({base, end - base, type}))
            return error(ErrorCode::TooLarge, "address map");
        return {};
    };
    auto bank = map.ram().begin();
    u64 at = 0;
    for (;;) {
        // RAM up to the next reserved range, then that, as far as the next one begins.
        auto taken = next_reserved(reserved, at);
        u64 until = taken ? taken->base : ~u64{0};
        for (; bank != map.ram().end() && bank->base < until; ++bank) {
            u64 base = std::max(bank->base, at);
            if (base < bank->end())
                VIREO_TRY(add(base, std::min(bank->end(), until), AddressRange::memory));
            if (bank->end() > until)
                break;
        }
        if (!taken)
            return {};
        VIREO_TRY(add(taken->base, taken->end(), AddressRange::reserved));
        at = taken->end();
    }
}

} // namespace vireo::boot
