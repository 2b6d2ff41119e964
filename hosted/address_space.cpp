// SPDX-License-Identifier: Apache-2.0
#include "hosted/address_space.h"

#include "hosted/access_trace.h"
#include "hosted/report.h"
#include "io/burst_access.h"

#include <map>

namespace vireo::hosted {
namespace {

struct Range {
    u64 bytes;
    RegisterBlock* block;
};
using RangeMap = std::map<u64, Range>;

RangeMap& ranges(io::Space space) {
    static RangeMap memory;
    static RangeMap ports;
    return space == io::Space::Memory ? memory : ports;
}

const char* name_of(io::Space space) { return space == io::Space::Memory ? "memory" : "port"; }

// The range that holds all `width` bytes at `address`, or nullptr.
RangeMap::value_type* find(io::Space space, u64 address, u8 width) {
    auto& map = ranges(space);
    auto it = map.upper_bound(address);
    if (it == map.begin())
        return nullptr;
    --it;
    return range_fits(address - it->first, width, it->second.bytes) ? &*it : nullptr;
}

u32 mask_of(u8 width) { return width == 4 ? 0xffff'ffff : (u32{1} << (8 * width)) - 1; }

std::string place(io::Space space, u64 address, u8 width) {
    return std::to_string(8 * width) + "-bit access to " + name_of(space) + " address " + hex(address);
}

u32 load(io::Space space, u64 address, u8 width) {
    account_for_access(false);
    u32 value = mask_of(width);
    if (address % width != 0)
        report("io.alignment", "misaligned " + place(space, address, width));
    if (auto* range = find(space, address, width))
        value = range->second.block->read(address - range->first, width) & mask_of(width);
    else
        report("io.unmapped", "read: no device answers the " + place(space, address, width));
    trace_register(Access::Kind::Read, space, width, address, value);
    return value;
}

void store(io::Space space, u64 address, u8 width, u32 value) {
    account_for_access(true);
    trace_register(Access::Kind::Write, space, width, address, value);
    if (address % width != 0)
        report("io.alignment", "misaligned " + place(space, address, width));
    if (auto* range = find(space, address, width))
        range->second.block->write(address - range->first, width, value);
    else
        report("io.unmapped",
               "write of " + hex(value) + ": no device answers the " + place(space, address, width));
}

} // namespace

MappedRange::MappedRange(io::Space space, u64 base, u64 bytes, RegisterBlock& block)
    : space_(space), base_(base) {
    for (auto& [other, range] : ranges(space))
        if (ranges_overlap(base, bytes, other, range.bytes))
            report("fake.overlap",
                   std::string(name_of(space)) + " ranges at " + hex(base) + " and " + hex(other));
    ranges(space)[base] = Range{bytes, &block};
}

MappedRange::~MappedRange() { ranges(space_).erase(base_); }

} // namespace vireo::hosted

namespace vireo::io::raw {

using hosted::load;
using hosted::store;

u8 read8(uptr address) { return static_cast<u8>(load(Space::Memory, address, 1)); }
u16 read16(uptr address) { return static_cast<u16>(load(Space::Memory, address, 2)); }
u32 read32(uptr address) { return load(Space::Memory, address, 4); }
void write8(uptr address, u8 value) { store(Space::Memory, address, 1, value); }
void write16(uptr address, u16 value) { store(Space::Memory, address, 2, value); }
void write32(uptr address, u32 value) { store(Space::Memory, address, 4, value); }

u8 port_read8(u16 port) { return static_cast<u8>(load(Space::Port, port, 1)); }
u16 port_read16(u16 port) { return static_cast<u16>(load(Space::Port, port, 2)); }
u32 port_read32(u16 port) { return load(Space::Port, port, 4); }
void port_write8(u16 port, u8 value) { store(Space::Port, port, 1, value); }
void port_write16(u16 port, u16 value) { store(Space::Port, port, 2, value); }
void port_write32(u16 port, u32 value) { store(Space::Port, port, 4, value); }

void port_write8_burst(u16 port, std::string_view bytes) {
    for (char byte : bytes)
        store(Space::Port, port, 1, static_cast<u8>(byte));
}

} // namespace vireo::io::raw
