// SPDX-License-Identifier: Apache-2.0
#include "boot/x86/start_info.h"

namespace vireo::boot {

namespace {

struct StartInfo {
    Le<u32> magic{};
    Le<u32> version{};
    Le<u32> flags{};
    Le<u32> modules{};
    Le<u64> module_list{};
    Le<u64> command_line{};
    Le<u64> acpi_root{};
    Le<u64> address_map{};
    Le<u32> address_ranges{};
    Le<u32> reserved{};
};
static_assert(sizeof(StartInfo) == 56);

struct Module {
    Le<u64> address{};
    Le<u64> bytes{};
    Le<u64> command_line{};
    Le<u64> reserved{};
};

struct MapEntry {
    AddressRange range; // types are ACPI's
    Le<u32> reserved;
};
static_assert(sizeof(MapEntry) == 24);

} // namespace

Result<usize> write_start_info(const BootFacts& facts, u64 address, MutableBytes into) {
    InfoWriter writer(address, into);
    StartInfo info{.magic = 0x336e'c578, .version = 1};
    writer.add_struct(info);
    if (facts.initrd) {
        info.modules = 1;
        info.module_list =
            writer.add_struct(Module{.address = facts.initrd->base, .bytes = facts.initrd->bytes});
    }
    info.acpi_root = facts.acpi_root;
    info.address_ranges = static_cast<u32>(facts.address_map.size());
    u64 first = 0;
    for (const AddressRange& range : facts.address_map) {
        u64 at = writer.add_struct(MapEntry{.range = range, .reserved = 0});
        first = first == 0 ? at : first;
    }
    info.address_map = first;
    info.command_line = writer.add_text(facts.command_line);
    writer.set_first(info);
    return writer.finish();
}

} // namespace vireo::boot
