// SPDX-License-Identifier: Apache-2.0
#include "arch/common/image.h"
#include "arch/common/start.h"
#include "base/math.h"

// The page table: 4096 sections of 1 MiB, one to one (Arm ARM B3.5.1).
extern "C" [[gnu::visibility("hidden")]] void vireo_use_tables();

namespace vireo::arch {

// Of its own sections: what is executable is Vireo's, or what was allocated right behind it.
constinit const usize image_alignment = 1 << 20;

namespace {

constexpr u64 section_bytes = 1 << 20;
// Section descriptors: read and write at PL1 only. Device, shareable; normal, write-back, write-allocate, shareable.
constexpr u32 device = 0x00000406;
constexpr u32 normal = 0x0001140e;
constexpr u32 never_execute = 0x10;

void map(u64 base, u64 end, u32 attributes) {
    auto table = reinterpret_cast<u32*>(vireo_tables);
    for (u64 at = base; at < end; at += section_bytes)
        table[at / section_bytes] = static_cast<u32>(at) | attributes;
}

} // namespace

void protect_memory(std::span<const RamRange> ranges) {
    map(0, u64{1} << 32, device | never_execute);
    // A bank's odd part of a megabyte is mapped as RAM, too: the emulated machines have none, others would have to round.
    for (const RamRange& range : ranges)
        map(align_down<u64>(range.base, section_bytes), range.base + range.bytes, normal | never_execute);
    map(image_base(), image_address(vireo_text_end), normal);
    vireo_use_tables();
}

} // namespace vireo::arch
