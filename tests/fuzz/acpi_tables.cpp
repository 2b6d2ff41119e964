// SPDX-License-Identifier: Apache-2.0
// QEMU's files for ACPI and SMBIOS, on a machine of 4 MiB: the loader's script and what it
// places are the input.
#include "boot/acpi/address_map.h"
#include "boot/acpi/table_list.h"
#include "machine/pc/host_tables.h"

#include "fuzz/support.h"
#include "hosted/fakes/fw_cfg.h"
#include "hosted/fakes/low_ram.h"

namespace vireo::fuzz {
namespace {

constexpr Range segment{fake::LowRam::base, 0x1'0000};

// RAM at its own addresses; nothing else is asked of it.
class LowMachine final : public system::Machine {
  public:
    std::string_view board() const override { return ""; }
    std::string_view model() const override { return ""; }
    u64 default_load_address() const override { return 0; }
    Result<> reset() override { return {}; }
    Result<> power_off() override { return {}; }
    void print_facts(Writer&) const override {}
    std::byte* memory(u64 address) override {
        return reinterpret_cast<std::byte*>(static_cast<uptr>(address));
    }
};

void check(const machine::pc::HostTables& tables, system::MemoryMap& map) {
    for (const Range& range : tables.ranges) {
        require(map.check_readable(range.base, range.bytes).has_value(), "tables lie in RAM");
        const auto* owner = map.first_owner(range.base, range.bytes);
        require(owner && owner->base == range.base && owner->bytes == range.bytes, "they are nobody else's");
    }
    boot::AddressMap addresses;
    require(boot::make_address_map(map, {tables.ranges.data(), tables.ranges.size()}, addresses).has_value(),
            "the address map has room for them");
    u64 end = 0;
    u64 ram = 0;
    for (const boot::AddressRange& range : addresses) {
        require(range.base >= end && range.bytes != 0, "ranges are in order and apart");
        end = range.base + range.bytes;
        ram += range.bytes;
    }
    require(ram == fake::LowRam::bytes, "all RAM is told of");
}

} // namespace
} // namespace vireo::fuzz

extern "C" int LLVMFuzzerTestOneInput(const vireo::u8* data, vireo::usize size) {
    using namespace vireo;
    using fuzz::require;
    fuzz::Surroundings surroundings;
    fuzz::FuzzedData input(data, size);
    u8 flags = input.byte();
    fake::FwCfg host(true, (flags & 1) == 0);
    constexpr const char* names[] = {"etc/acpi/rsdp", "etc/acpi/tables", "etc/smbios/smbios-anchor",
                                     "etc/smbios/smbios-tables", "etc/vmgenid_addr"};
    for (const char* name : names) {
        Bytes contents = input.take(input.number<u16>());
        host.add_file(name, {reinterpret_cast<const char*>(contents.data()), contents.size()});
    }
    if ((flags & 2) != 0) {
        Bytes script = input.rest();
        host.add_file("etc/table-loader", {reinterpret_cast<const char*>(script.data()), script.size()});
    }
    host.writable.insert(0x24);
    auto fw_cfg = host.open();
    require(fw_cfg.has_value(), "the device is found");

    fake::LowRam ram;
    VIREO_MUST(ram.map.reserve(fuzz::segment.base, fuzz::segment.bytes, "segment"));
    machine::pc::HostTables tables;
    auto made =
        machine::pc::make_host_tables(*fw_cfg, ram.map, (flags & 4) != 0 ? fuzz::segment : Range{}, tables);
    require(ram.map.reservations().size() == 1 + tables.ranges.size(), "each range is taken once");
    require(made || (tables.ranges.is_empty() && tables.acpi_root == 0), "a failure takes nothing");
    fuzz::check(tables, ram.map);
    if (tables.acpi_root != 0) {
        fuzz::LowMachine machine;
        boot::AcpiTables list;
        require(boot::list_tables(machine, ram.map, tables.acpi_root, list).has_value(),
                "there is a root pointer");
        for (const boot::AcpiTable& table : list.tables)
            require(ram.map.check_readable(table.address, table.bytes.size()).has_value(),
                    "tables lie in RAM");
    }
    return 0;
}
