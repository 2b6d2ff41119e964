// SPDX-License-Identifier: Apache-2.0
#include "machine/pc/host_tables.h"

#include "hosted/fakes/fw_cfg.h"
#include "hosted/fakes/low_ram.h"
#include "unit/support/complaints.h"
#include "unit/support/table_host.h"

namespace vireo::test {
namespace {

using namespace std::literals;
using machine::pc::HostTables;

constexpr u64 KiB = 1 << 10;

// Of the machine's RAM, the first 64 KiB stand for the segment below 1 MiB.
class HostTablesTest : public testing::Test {
  protected:
    HostTablesTest() { VIREO_MUST(ram.map.reserve(segment.base, segment.bytes, "segment")); }

    void add_tables(const std::string& more = {}) {
        std::string root(20, '\0');
        root.replace(0, 8, "RSD PTR ");
        host.add_file("etc/acpi/rsdp", root);
        host.add_file("etc/acpi/tables", std::string(5 * KiB, 't'));
        host.add_file("etc/table-loader", entry::allocate("etc/acpi/rsdp", 16, 2) +
                                              entry::allocate("etc/acpi/tables") + more +
                                              entry::add_checksum("etc/acpi/rsdp", 8, 0, 20));
    }
    void add_smbios(usize bytes) {
        std::string anchor(24, '\0');
        anchor.replace(0, 5, "_SM3_");
        put(anchor, 6, 24, 1);
        put(anchor, 12, bytes, 4);
        host.add_file("etc/smbios/smbios-anchor", anchor);
        host.add_file("etc/smbios/smbios-tables", std::string(bytes, '\0'));
    }
    Result<> make(const Range& where) {
        auto fw_cfg = host.open();
        return machine::pc::make_host_tables(*fw_cfg, ram.map, where, tables);
    }
    std::string at(u64 address, usize bytes) {
        return {reinterpret_cast<const char*>(static_cast<uptr>(address)), bytes};
    }
    usize reservations() const { return ram.map.reservations().size() - 1; }

    Complaints complaints;
    fake::FwCfg host{true};
    fake::LowRam ram;
    Range segment{fake::LowRam::base, 64 * KiB};
    HostTables tables;
};

TEST_F(HostTablesTest, tables_lie_in_ram_that_is_taken_and_in_the_segment) {
    std::memset(reinterpret_cast<void*>(static_cast<uptr>(segment.base)), 'x', segment.bytes);
    add_tables();
    ASSERT_TRUE(make(segment));
    EXPECT_EQ(tables.acpi_root, segment.base);
    EXPECT_EQ(at(tables.acpi_root, 8), "RSD PTR ");
    EXPECT_EQ(at(segment.base + 20, 64 * KiB - 20), std::string(64 * KiB - 20, '\0'))
        << "what lay there is gone";
    ASSERT_EQ(tables.ranges.size(), 1u);
    EXPECT_EQ(tables.ranges[0], (Range{fake::LowRam::base + fake::LowRam::bytes - 8 * KiB, 8 * KiB}))
        << "whole pages";
    EXPECT_EQ(at(tables.ranges[0].base, 5 * KiB), std::string(5 * KiB, 't'));
    EXPECT_EQ(ram.map.first_owner(tables.ranges[0].base, 1)->owner, "ACPI tables"sv);
}

TEST_F(HostTablesTest, a_machine_without_the_segment_has_them_all_in_other_ram) {
    add_tables();
    add_smbios(64);
    ASSERT_TRUE(make({}));
    EXPECT_EQ(at(tables.acpi_root, 8), "RSD PTR ");
    EXPECT_EQ(tables.ranges.size(), 2u) << "SMBIOS is looked for in the segment alone";
    EXPECT_EQ(reservations(), 2u);
}

TEST_F(HostTablesTest, smbios_lies_in_the_segment) {
    add_tables();
    add_smbios(64);
    ASSERT_TRUE(make(segment));
    std::string low = at(segment.base, 1 * KiB);
    usize anchor = low.find("_SM3_");
    ASSERT_NE(anchor, low.npos);
    EXPECT_EQ(anchor % 16, 0u);
    EXPECT_EQ(get(low, anchor + 16, 8), segment.base);
    EXPECT_EQ(tables.acpi_root % 16, 0u);
    EXPECT_EQ(reservations(), 1u);
}

TEST_F(HostTablesTest, what_the_segment_has_no_room_for_lies_elsewhere) {
    add_tables();
    add_smbios(64 * KiB);
    ASSERT_TRUE(make(segment));
    EXPECT_EQ(tables.ranges.size(), 2u);
    EXPECT_EQ(at(segment.base, 5), "_SM3_");
    EXPECT_EQ(get(at(segment.base, 24), 16, 8), tables.ranges[0].base);
}

TEST_F(HostTablesTest, a_host_without_any_is_no_failure) {
    ASSERT_TRUE(make(segment));
    EXPECT_EQ(tables.acpi_root, 0u);
    EXPECT_EQ(reservations(), 0u);
}

TEST_F(HostTablesTest, a_failure_gives_everything_back) {
    add_smbios(70 * KiB);
    add_tables(entry::add_checksum("etc/acpi/tables", 5 * KiB, 0, 1));
    EXPECT_FALSE(make(segment));
    EXPECT_EQ(tables.acpi_root, 0u);
    EXPECT_TRUE(tables.ranges.is_empty());
    EXPECT_EQ(reservations(), 0u);
}

TEST_F(HostTablesTest, a_file_larger_than_ram_is_a_failure) {
    host.add_file("etc/acpi/rsdp", "x", u32{1} << 31);
    host.add_file("etc/table-loader", entry::allocate("etc/acpi/rsdp", 16, 2));
    EXPECT_EQ(make(segment).error().code, ErrorCode::NoMemory);
    EXPECT_EQ(reservations(), 0u);
}

TEST_F(HostTablesTest, the_host_is_told_addresses_by_dma) {
    host.add_file("etc/vmgenid_addr", std::string(8, '\0'));
    host.writable.insert(0x20);
    add_tables(entry::write_pointer("etc/vmgenid_addr", "etc/acpi/tables", 0, 40, 8));
    ASSERT_TRUE(make(segment));
    EXPECT_EQ(get(host.items[0x20], 0, 8), tables.ranges[0].base + 40);
}

} // namespace
} // namespace vireo::test
