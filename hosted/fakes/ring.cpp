// SPDX-License-Identifier: Apache-2.0
#include "hosted/fakes/ring.h"

#include "hosted/fakes/packed_ring.h"
#include "hosted/fakes/split_ring.h"
#include "hosted/report.h"

namespace vireo::fake {

using hosted::DmaArena;

std::unique_ptr<Ring> Ring::create(RingSetup setup) {
    if (setup.packed)
        return std::make_unique<PackedRing>(std::move(setup));
    return std::make_unique<SplitRing>(std::move(setup));
}

void Ring::complain(const char* rule, const std::string& text) const {
    hosted::report(rule, setup_.owner + ": " + text);
}

std::byte* Ring::reach(u64 bus, u64 bytes, DmaArena::Use use) const {
    return DmaArena::instance().reach(bus, bytes, use, setup_.owner);
}

bool Ring::is_zeroed(u64 bus, u64 bytes) const {
    std::byte* memory = reach(bus, bytes, DmaArena::Use::Read);
    return memory && std::all_of(memory, memory + bytes, [](std::byte b) { return b == std::byte{0}; });
}

u16 Ring::load16(u64 bus) const {
    u8 bytes[2] = {};
    if (std::byte* memory = reach(bus, 2, DmaArena::Use::Read))
        std::memcpy(bytes, memory, 2);
    return static_cast<u16>(bytes[0] | bytes[1] << 8);
}

void Ring::store16(u64 bus, u16 value) const {
    u8 bytes[2] = {static_cast<u8>(value), static_cast<u8>(value >> 8)};
    if (std::byte* memory = reach(bus, 2, DmaArena::Use::Write))
        std::memcpy(memory, bytes, 2);
}

bool Ring::add_piece(Chain& chain, u64 bus, u32 bytes, bool writable, const char* order_rule) const {
    if (!writable && !chain.writable.empty())
        complain(order_rule, "a device-readable descriptor behind a device-writable one");
    if (!reach(bus, bytes, writable ? DmaArena::Use::Write : DmaArena::Use::Read))
        return false;
    (writable ? chain.writable : chain.readable).push_back({bus, bytes});
    return true;
}

void Ring::check_notification_data(u16 data) {
    u16 expected = next_available();
    if (data == expected)
        return;
    // Section 2.9: one that announces nothing new repeats what the one before said.
    const char* rule = has_nothing_new() ? "gen.notif.02" : setup_.packed ? "ring.packed.05" : "gen.notif.01";
    complain(rule, "a notification says that the next entry is " + hosted::hex(data) + ", but it is " +
                       hosted::hex(expected));
}

} // namespace vireo::fake
