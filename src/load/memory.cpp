// SPDX-License-Identifier: Apache-2.0
#include "load/memory.h"

#include "base/math.h"

namespace vireo::load {

Result<MutableBytes, NotFree> writable_memory(const system::MemoryMap& map, system::Machine& machine,
                                              u64 address, u64 bytes) {
    if (bytes == 0)
        return MutableBytes();
    // A size that the processor cannot count is more than all RAM.
    bool is_ram = checked_add<u64>(address, bytes) && bytes <= std::numeric_limits<usize>::max() &&
                  map.check_readable(address, bytes);
    if (!is_ram)
        return NotFree{address, bytes};
    if (map.check_writable(address, bytes))
        return MutableBytes(machine.memory(address), static_cast<usize>(bytes));
    return NotFree{address, bytes, map.first_owner(address, bytes)};
}

Result<MutableBytes, NotFree> free_memory_from(const system::MemoryMap& map, system::Machine& machine,
                                               u64 address) {
    VIREO_TRY(writable_memory(map, machine, address, 1));
    u64 end = address;
    for (const system::MemoryRegion& bank : map.ram())
        if (address >= bank.base && address < bank.end())
            end = bank.end();
    for (const system::MemoryRegion& taken : map.reservations())
        if (taken.base > address)
            end = std::min(end, taken.base);
    u64 bytes = std::min<u64>(end - address, std::numeric_limits<usize>::max());
    return MutableBytes(machine.memory(address), static_cast<usize>(bytes));
}

} // namespace vireo::load
