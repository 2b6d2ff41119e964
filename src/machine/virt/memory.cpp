// SPDX-License-Identifier: Apache-2.0
#include "machine/virt/memory.h"

#include "base/log.h"
#include "base/math.h"

namespace vireo::machine::virt {

using bus::fdt::Region;
using bus::fdt::Walk;

namespace {

constexpr bool is_32_bit = sizeof(uptr) == 4;
constexpr u64 four_gib = u64{1} << 32;

// The part of a bank below address_limit.
Region reachable(const Region& bank) {
    if (bank.base + bank.bytes <= address_limit)
        return bank;
    return {bank.base, bank.base < address_limit ? address_limit - bank.base : 0};
}

void add(MemoryDescription& description, MemoryDescription::Entry::Kind kind, const Region& range) {
    if (description.count == MemoryDescription::max_entries)
        ++description.left_out;
    else
        description.entries[description.count++] = {kind, range};
}

} // namespace

void describe_memory(const bus::fdt::Tree& tree, MemoryDescription& description) {
    using Kind = MemoryDescription::Entry::Kind;
    // Reservations first: if something must be left out, then RAM.
    for (usize i = 0; i < tree.reservation_count(); ++i)
        if (auto range = tree.reservation(i))
            add(description, Kind::ReservationBlock, *range);
    bool inside_reserved = false;
    for (Walk walk(tree); walk.next();) {
        const auto& node = walk.node();
        if (walk.depth() == 1)
            inside_reserved = node.name() == "reserved-memory";
        if (walk.depth() == 2 && inside_reserved)
            for (usize i = 0; auto range = walk.reg(i); ++i)
                add(description, Kind::ReservedMemory, *range);
        // The secure RAM of QEMU's secure machine is a memory node as well, disabled.
        if (walk.depth() != 1 || node.text("device_type") != "memory" || !node.is_enabled())
            continue;
        for (usize i = 0; auto bank = walk.reg(i); ++i) {
            Region usable = reachable(*bank);
            description.out_of_reach += bank->bytes - usable.bytes;
            if (usable.bytes != 0)
                add(description, Kind::Ram, usable);
        }
    }
}

Result<> enter_memory(const MemoryDescription& description, system::MemoryMap& map) {
    for (usize i = 0; i < description.count; ++i) {
        const auto& [kind, range] = description.entries[i];
        if (kind == MemoryDescription::Entry::Kind::Ram) {
            if (auto added = map.add_ram(range.base, range.bytes); !added)
                warn("RAM at 0x{:x} is not used: {}", range.base, added.error());
            continue;
        }
        bool block = kind == MemoryDescription::Entry::Kind::ReservationBlock;
        // What must not be touched and cannot be remembered is a reason to stop.
        VIREO_TRY(
            map.reserve(range.base, range.bytes, block ? "device tree reservation" : "reserved memory"));
    }
    if (description.left_out != 0)
        return error(ErrorCode::TooLarge, "too many memory ranges in the device tree");
    if (map.ram().empty())
        return error(ErrorCode::NotFound, "the device tree names no RAM");
    // One past the last byte of a buffer is an address too: on a 32-bit board it must not be 0.
    if (is_32_bit && map.check_readable(four_gib - 4096, 4096))
        VIREO_TRY(map.reserve(four_gib - 4096, 4096, "last page"));
    return {};
}

} // namespace vireo::machine::virt
