// SPDX-License-Identifier: Apache-2.0
#include "boot/acpi/table_list.h"

#include "base/math.h"
#include "base/parse.h"
#include "boot/acpi/checksum.h"
#include "boot/acpi/table_header.h"

namespace vireo::boot {

namespace {

// Offsets in the fixed description table (ACPI 6.4, 5.2.9), and how wide the addresses there are.
constexpr usize fixed_facs = 36;
constexpr usize fixed_dsdt = 40;
constexpr usize fixed_wide_facs = 132;
constexpr usize fixed_wide_dsdt = 140;
// A length beyond this is none: QEMU's whole file of tables has 128 KiB.
constexpr u32 most_table_bytes = 16 << 20;

class TableLister {
  public:
    TableLister(system::Machine& machine, const system::MemoryMap& map, AcpiTables& into)
        : machine_(machine), map_(map), into_(into) {}

    Result<> list(u64 root);

  private:
    std::optional<Bytes> memory(u64 address, u64 bytes);
    void add(AcpiTable table);
    // What was added; nothing if no table lies there.
    std::optional<AcpiTable> add_at(u64 address);
    void add_named(Bytes table, usize width);
    void add_of_fixed(Bytes table);

    system::Machine& machine_;
    const system::MemoryMap& map_;
    AcpiTables& into_;
};

u64 address_in(Bytes table, usize offset, usize width) {
    if (width == 8)
        return read_struct<Le<u64>>(table, offset).value_or(u64{0});
    return read_struct<Le<u32>>(table, offset).value_or(u32{0});
}

std::optional<Bytes> TableLister::memory(u64 address, u64 bytes) {
    if (!map_.check_readable(address, bytes))
        return std::nullopt;
    return Bytes(machine_.memory(address), static_cast<usize>(bytes));
}

void TableLister::add(AcpiTable table) {
    if (!into_.tables.try_push_back(table))
        ++into_.left_out;
}

std::optional<AcpiTable> TableLister::add_at(u64 address) {
    auto head = memory(address, 8); // signature and length, which FACS has as well
    u32 length = head ? read_struct<Le<u32>>(*head, 4)->get() : 0;
    auto bytes = length >= 8 && length <= most_table_bytes ? memory(address, length) : std::nullopt;
    if (!bytes) {
        ++into_.left_out;
        return std::nullopt;
    }
    AcpiTable table{.signature = as_text(bytes->first(4)), .address = address, .bytes = *bytes};
    if (table.signature != "FACS") {
        table.has_header = bytes->size() >= sizeof(AcpiTableHeader);
        table.is_whole = table.has_header && sum_of(*bytes) == 0;
    }
    add(table);
    return table;
}

// One of each pair is 0, or both say the same.
void TableLister::add_of_fixed(Bytes table) {
    for (auto [wide, narrow] :
         {std::pair(fixed_wide_dsdt, fixed_dsdt), std::pair(fixed_wide_facs, fixed_facs)}) {
        u64 address = address_in(table, wide, 8);
        if (address == 0)
            address = address_in(table, narrow, 4);
        if (address != 0)
            (void)add_at(address);
    }
}

// The tables that a root table names, whose addresses are `width` bytes wide (5.2.7, 5.2.8). Of those only
// the fixed description table leads further, and what it names leads nowhere: tables that name each other
// come to an end.
void TableLister::add_named(Bytes table, usize width) {
    for (usize at = sizeof(AcpiTableHeader); at + width <= table.size() && !into_.tables.is_full();
         at += width) {
        auto named = add_at(address_in(table, at, width));
        if (named && named->signature == "FACP")
            add_of_fixed(named->bytes);
    }
}

Result<> TableLister::list(u64 root) {
    auto first = memory(root, acpi_first_root_bytes);
    if (!first || !as_text(*first).starts_with(acpi_root_signature))
        return error(ErrorCode::Corrupt, "ACPI root pointer");
    AcpiRootPointer pointer{};
    std::memcpy(static_cast<void*>(&pointer), first->data(), first->size());
    Bytes bytes = *first;
    bool is_whole = sum_of(*first) == 0;
    if (pointer.revision >= 2) {
        auto whole = memory(root, sizeof(pointer));
        if (!whole)
            return error(ErrorCode::Corrupt, "ACPI root pointer");
        pointer = *read_struct<AcpiRootPointer>(*whole);
        bytes = *whole;
        is_whole = is_whole && sum_of(*whole) == 0;
    }
    add({.signature = "RSDP", .address = root, .bytes = bytes, .is_whole = is_whole});
    bool is_wide = pointer.xsdt != 0;
    if (auto root_table = add_at(is_wide ? pointer.xsdt.get() : u64{pointer.rsdt}))
        add_named(root_table->bytes, is_wide ? 8 : 4);
    return {};
}

} // namespace

Result<> list_tables(system::Machine& machine, const system::MemoryMap& map, u64 root, AcpiTables& into) {
    return TableLister(machine, map, into).list(root);
}

} // namespace vireo::boot
