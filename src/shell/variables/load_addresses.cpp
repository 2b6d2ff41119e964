// SPDX-License-Identifier: Apache-2.0
#include "shell/variables/load_addresses.h"

#include "base/math.h"

namespace vireo::shell {

namespace {

constexpr u64 MiB = 1 << 20;
constexpr u64 four_gib = u64{1} << 32; // below it every board and every device reaches the RAM
constexpr u64 small_files = device_tree_bytes + script_bytes + pxe_file_bytes;
constexpr u64 enough_for_a_ramdisk = 512 * MiB;
constexpr u64 page = 4096;

struct Range {
    u64 base = 0;
    u64 end = 0;
    u64 bytes() const { return end - base; }
};

// The part of a free range that lies in [lowest, 4 GiB), from a multiple of `alignment` on.
// Empty if there is none.
Range usable(u64 base, u64 end, u64 lowest, u64 alignment) {
    end = std::min(end, four_gib);
    base = std::max(base, lowest);
    if (base >= end || end - base < alignment) // so that aligning cannot wrap
        return {};
    base = align_up(base, alignment);
    return base < end ? Range{base, end} : Range{};
}

std::optional<u64> lowest_fit(const system::MemoryMap& memory, u64 bytes, u64 lowest, u64 alignment) {
    std::optional<u64> found;
    memory.for_each_free_range([&](u64 base, u64 end) {
        Range range = usable(base, end, lowest, alignment);
        if (!found && range.bytes() >= bytes)
            found = range.base;
    });
    return found;
}

Range ramdisk_above(const system::MemoryMap& memory, u64 lowest) {
    Range best;
    memory.for_each_free_range([&](u64 base, u64 end) {
        Range range = usable(base, end, lowest, page);
        if (best.bytes() < enough_for_a_ramdisk && range.bytes() > best.bytes())
            best = range;
    });
    return best;
}

} // namespace

std::optional<LoadAddresses> place_loads(const system::MemoryMap& memory,
                                         const system::Machine::KernelPlace& wanted) {
    if (memory.ram().empty())
        return std::nullopt;
    u64 lowest = memory.ram().front().base + wanted.offset;
    for (u64 kernel_mib : {64u, 48u, 32u, 24u, 16u, 12u, 8u, 4u, 2u}) {
        u64 kernel_bytes = kernel_mib * MiB;
        auto kernel = lowest_fit(memory, kernel_bytes + small_files, lowest, wanted.alignment);
        if (!kernel)
            continue;
        u64 device_tree = *kernel + kernel_bytes;
        u64 script = device_tree + device_tree_bytes;
        u64 pxe_file = script + script_bytes;
        // What lies below the kernel stays empty: some unpack themselves there.
        Range ramdisk = ramdisk_above(memory, pxe_file + pxe_file_bytes);
        constexpr u64 least_share = 8; // a ramdisk is seldom smaller than that part of its kernel
        if (ramdisk.bytes() >= kernel_bytes / least_share)
            return LoadAddresses{*kernel,  kernel_bytes, device_tree,    script,
                                 pxe_file, ramdisk.base, ramdisk.bytes()};
    }
    // Too small a machine for the distance: a kernel that cannot unpack itself there may be one
    // that does not have to.
    return wanted.offset != 0 ? place_loads(memory, {0, wanted.alignment}) : std::nullopt;
}

} // namespace vireo::shell
