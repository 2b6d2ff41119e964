// SPDX-License-Identifier: Apache-2.0
#include "arch/common/relocate.h"

// The table is "APS2" and numbers in signed LEB128: how many relocations there are, the offset to begin with,
// then groups. A group is a count and flags, then what the flags say that its members have in common (the
// distance from one to the next, the type), then what they do not.
extern "C" void vireo_apply_packed(vireo::uptr base, const vireo::u8* table) {
    using namespace vireo;
    constexpr u32 same_distance = 2;
    table += 4;
    auto next = [&table] {
        u32 value = 0;
        unsigned shift = 0;
        u8 byte;
        do {
            byte = *table++;
            value |= u32{byte & 0x7fu} << shift;
            shift += 7;
        } while ((byte & 0x80) != 0);
        bool is_negative = (byte & 0x40) != 0 && shift < 32;
        return is_negative ? value | ~u32{0} << shift : value;
    };
    u32 left = next();
    u32 at = next();
    while (left != 0) {
        u32 count = next();
        bool is_regular = (next() & same_distance) != 0;
        u32 distance = is_regular ? next() : 0;
        (void)next(); // the type: tools/build/check-image has seen that there is only one
        left -= count;
        for (; count != 0; --count) {
            at += is_regular ? distance : next();
            auto* place = reinterpret_cast<std::byte*>(base + at);
            u32 word;
            std::memcpy(&word, place, sizeof(word));
            word += static_cast<u32>(base);
            std::memcpy(place, &word, sizeof(word));
        }
    }
}
