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

// The part of a bank that pointers reach.
Region reachable(const Region& bank) {
    if (!is_32_bit || bank.base + bank.bytes <= four_gib)
        return bank;
    return {bank.base, bank.base < four_gib ? four_gib - bank.base : 0};
}

void reserve(system::MemoryMap& map, const Region& range, const char* owner) {
    if (auto done = map.reserve(range.base, range.bytes, owner); !done)
        warn("memory at 0x{:x} could not be reserved: {}", range.base, done.error().what);
}

} // namespace

Result<u64> describe_memory(const bus::fdt::Tree& tree, system::MemoryMap& map) {
    u64 out_of_reach = 0;
    bool inside_reserved = false;
    for (Walk walk(tree); walk.next();) {
        const auto& node = walk.node();
        if (walk.depth() == 1)
            inside_reserved = node.name() == "reserved-memory";
        if (walk.depth() == 2 && inside_reserved) {
            for (usize i = 0; auto range = walk.reg(i); ++i)
                reserve(map, *range, "reserved memory");
            continue;
        }
        // The secure RAM of QEMU's secure machine is a memory node as well, disabled.
        if (walk.depth() != 1 || node.text("device_type") != "memory" || !node.is_enabled())
            continue;
        for (usize i = 0; auto bank = walk.reg(i); ++i) {
            Region usable = reachable(*bank);
            if (auto added = map.add_ram(usable.base, usable.bytes); !added)
                warn("RAM at 0x{:x} is not used: {}", usable.base, added.error().what);
            out_of_reach += bank->bytes - usable.bytes;
        }
    }
    if (map.ram().empty())
        return error(ErrorCode::NotFound, "the device tree names no RAM");
    for (usize i = 0; i < tree.reservation_count(); ++i)
        if (auto range = tree.reservation(i))
            reserve(map, *range, "device tree reservation");
    // One past the last byte of a buffer is an address too: on a 32-bit board it must not be 0.
    if (is_32_bit && map.check_readable(four_gib - 4096, 4096))
        reserve(map, {four_gib - 4096, 4096}, "last page");
    return out_of_reach;
}

} // namespace vireo::machine::virt
