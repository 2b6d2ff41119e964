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

class AddressMapMaker {
  public:
    AddressMapMaker(std::span<const Range> reserved, AddressMap& into) : reserved_(reserved), into_(into) {}

    // The bank, which lies above those before it or goes on from them, and what is reserved below its end.
    Result<> add_ram(u64 base, u64 end) {
        base = std::max(base, ram_end_);
        ram_end_ = std::max(ram_end_, end);
        for (auto taken = next_reserved(reserved_, at_); taken && taken->base < end;
             taken = next_reserved(reserved_, at_)) {
            VIREO_TRY(add(std::max(base, at_), taken->base, AddressRange::memory));
            VIREO_TRY(add_reserved(*taken));
        }
        return add(std::max(base, at_), end, AddressRange::memory);
    }
    Result<> finish() {
        while (auto taken = next_reserved(reserved_, at_))
            VIREO_TRY(add_reserved(*taken));
        return {};
    }

  private:
    Result<> add_reserved(const Range& taken) {
        at_ = taken.end();
        return add(taken.base, taken.end(), AddressRange::reserved);
    }
    Result<> add(u64 base, u64 end, u32 type) {
        if (base >= end)
            return {};
        // What goes on from the one before is one with it.
        if (!into_.is_empty()) {
            AddressRange& last = into_.back();
            if (last.type == type && last.base + last.bytes == base) {
                last.bytes = end - last.base;
                return {};
            }
        }
        if (!into_.try_push_back({base, end - base, type}))
            return error(ErrorCode::TooLarge, "address map");
        return {};
    }

    std::span<const Range> reserved_;
    AddressMap& into_;
    u64 at_ = 0; // where the last reserved range ends
    u64 ram_end_ = 0;
};

} // namespace

Result<> make_address_map(const system::MemoryMap& map, std::span<const Range> reserved, AddressMap& into,
                          std::span<const Range> out_of_reach) {
    AddressMapMaker maker(reserved, into);
    for (const system::MemoryRegion& bank : map.ram())
        VIREO_TRY(maker.add_ram(bank.base, bank.end()));
    for (const Range& bank : out_of_reach)
        VIREO_TRY(maker.add_ram(bank.base, end_of(bank)));
    return maker.finish();
}

} // namespace vireo::boot
