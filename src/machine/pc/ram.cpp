// SPDX-License-Identifier: Apache-2.0
#include "machine/pc/ram.h"

#include "arch/common/image.h"
#include "arch/x86/paging.h"
#include "arch/x86/ports.h"
#include "base/endian.h"
#include "base/log.h"

namespace vireo::machine::pc {
namespace {

using arch::x86::four_gib;
using bus::FwCfg;
using system::MemoryMap;
using system::MemoryRegion;

constexpr u64 KiB = 1 << 10;
constexpr u64 MiB = 1 << 20;

// The highest address that the image can use, plus one.
constexpr u64 reachable = sizeof(uptr) == 8 ? arch::x86::highest_mappable : four_gib;

// An entry of QEMU's "etc/e820" file: the format that the PC BIOS call of that number made common.
struct E820Entry {
    Le<u64> base;
    Le<u64> bytes;
    Le<u32> type;
};
static_assert(sizeof(E820Entry) == 20);
constexpr u32 e820_ram = 1;
constexpr usize most_entries = HostRanges::most;

class RamCollector {
  public:
    explicit RamCollector(MemoryMap& memory) : memory_(memory) {}

    void add(u64 base, u64 bytes) {
        u64 end = checked_add(base, bytes).value_or(base);
        left_out_ += end - std::min(std::max(base, reachable), end);
        end = std::min(end, reachable);
        if (base >= end)
            return;
        if (auto added = memory_.add_ram(base, end - base); !added)
            warn("RAM at 0x{:x}: {}", base, added.error());
    }
    void warn_if_left_out() const {
        if (left_out_ != 0)
            warn("{} MiB of RAM lie above {} GiB, where this board cannot use them", left_out_ / MiB,
                 reachable >> 30);
    }

  private:
    MemoryMap& memory_;
    u64 left_out_ = 0;
};

using E820Table = std::array<E820Entry, most_entries>;

Result<std::span<const E820Entry>> read_e820(const FwCfg& fw_cfg, E820Table& entries) {
    auto file = VIREO_TRY(fw_cfg.find("etc/e820"));
    usize count = file.bytes / sizeof(E820Entry);
    if (count == 0 || count > most_entries || file.bytes % sizeof(E820Entry) != 0)
        return error(ErrorCode::Corrupt, "etc/e820");
    auto table = std::span(entries).first(count);
    VIREO_TRY(fw_cfg.read(file, std::as_writable_bytes(table)));
    return table;
}

Result<> add_e820(const FwCfg& fw_cfg, MemoryMap& memory, RamCollector& ram) {
    E820Table entries;
    auto table = VIREO_TRY(read_e820(fw_cfg, entries));
    for (const E820Entry& entry : table)
        if (entry.type == e820_ram)
            ram.add(entry.base, entry.bytes);
    // What is not RAM lies outside of it as a rule; where it does not, as a whole or in part, it is not ours.
    for (const E820Entry& entry : table)
        if (entry.type != e820_ram && memory.touches_ram(entry.base, entry.bytes))
            VIREO_TRY(memory.reserve(entry.base, entry.bytes, "reserved by the machine"));
    return {};
}

u64 read_cmos(u8 index, unsigned bytes) {
    u64 value = 0;
    for (unsigned i = 0; i < bytes; ++i) {
        arch::x86::out8(0x70, static_cast<u8>(index + i));
        value |= u64{arch::x86::in8(0x71)} << (8 * i);
    }
    return value;
}

// The same numbers that the reset code placed the image by.
void add_cmos(RamCollector& ram) {
    u64 above_16_mib = read_cmos(0x34, 2) * 64 * KiB;
    u64 above_1_mib = read_cmos(0x30, 2) * KiB;
    ram.add(0, above_16_mib != 0 ? 16 * MiB + above_16_mib : MiB + above_1_mib);
    ram.add(four_gib, read_cmos(0x5b, 3) * 64 * KiB);
}

// Where 64-bit PCI windows may start when RAM can be plugged in: behind the room for it. 0 if
// the host does not say.
u64 end_of_hot_plug_room(const FwCfg& fw_cfg) {
    Le<u64> end;
    auto file = fw_cfg.find("etc/reserved-memory-end");
    if (!file || !fw_cfg.read(*file, std::as_writable_bytes(std::span(&end, 1))))
        return 0;
    return end;
}

} // namespace

RamLayout find_ram(const FwCfg* fw_cfg, MemoryMap& memory) {
    RamLayout layout{.low_end = 0, .high_end = four_gib};
    RamCollector ram(memory);
    if (fw_cfg) {
        if (auto added = add_e820(*fw_cfg, memory, ram); !added)
            warn("fw_cfg RAM map: {}", added.error());
        layout.high_end = std::max(layout.high_end, end_of_hot_plug_room(*fw_cfg));
    }
    if (!memory.check_readable(arch::image_base(), arch::image_bytes()))
        add_cmos(ram);
    ram.warn_if_left_out();

    for (const MemoryRegion& bank : memory.ram()) {
        if (bank.base < four_gib)
            layout.low_end = std::max(layout.low_end, std::min(bank.end(), four_gib));
        layout.high_end = std::max(layout.high_end, bank.end());
    }

    VIREO_MUST(memory.reserve(0, MiB, "PC legacy area"));
    memory.guard_below(4 * KiB); // arch/x86/paging.cpp
    uptr stack = arch::image_address(vireo_guard);
    uptr end = arch::image_address(vireo_image_end);
    VIREO_MUST(memory.reserve(arch::image_base(), stack - arch::image_base(), "firmware image"));
    VIREO_MUST(memory.reserve(stack, end - stack, "firmware stack"));
    return layout;
}

void find_host_ranges(const FwCfg& fw_cfg, HostRanges& ranges) {
    E820Table entries;
    auto table = read_e820(fw_cfg, entries);
    if (!table)
        return;
    for (const E820Entry& entry : *table)
        if (entry.type != e820_ram)
            VIREO_ASSERT(ranges.reserved.try_push_back({entry.base, entry.bytes}));
}

} // namespace vireo::machine::pc
