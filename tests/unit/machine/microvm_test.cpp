// SPDX-License-Identifier: Apache-2.0
#include "machine/pc/microvm.h"

#include "base/format.h"
#include "base/log.h"
#include "hosted/fakes/fw_cfg.h"
#include "hosted/fakes/low_ram.h"

#include <gtest/gtest.h>
#include <libfdt.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

using namespace vireo;
using machine::pc::Microvm;

namespace {

// A tree as QEMU writes microvm's, with what a test adds to the root.
class TestTree {
  public:
    explicit TestTree(std::string_view compatible = "linux,microvm") {
        fdt_create_empty_tree(blob(), bytes);
        cell(0, "#address-cells", {2});
        cell(0, "#size-cells", {2});
        text(0, "compatible", compatible);
    }
    // QEMU adds nodes in the order of this, and libfdt puts each before those that are there.
    int slot(u64 base, std::string_view status = "okay") {
        char name[32];
        std::snprintf(name, sizeof(name), "virtio_mmio@%llx", static_cast<unsigned long long>(base));
        int node = fdt_add_subnode(blob(), 0, name);
        text(node, "compatible", "virtio,mmio");
        cell(node, "reg", {static_cast<u32>(base >> 32), static_cast<u32>(base), 0, 0x200});
        text(node, "status", status);
        return node;
    }
    int add(const char* name) { return fdt_add_subnode(blob(), 0, name); }
    void text(int node, const char* name, std::string_view value) {
        fdt_setprop_string(blob(), node, name, std::string(value).c_str());
    }
    void cell(int node, const char* name, std::initializer_list<u32> values) {
        fdt_delprop(blob(), node, name);
        for (u32 value : values)
            fdt_appendprop_u32(blob(), node, name, value);
    }
    void read_into(Microvm& machine) {
        auto tree = bus::fdt::Tree::open({static_cast<std::byte*>(blob()), bytes});
        ASSERT_TRUE(tree);
        machine.read_tree(*tree);
    }

    std::string text() { return {static_cast<const char*>(blob()), bytes}; }

  private:
    static constexpr usize bytes = 64 << 10;
    void* blob() { return blob_.data(); }
    std::vector<u64> blob_ = std::vector<u64>(bytes / 8);
};

void put(std::string& table, usize offset, u64 value, usize bytes) {
    for (usize i = 0; i < bytes; ++i)
        table[offset + i] = static_cast<char>(value >> 8 * i);
}

std::string table(std::string_view signature, usize bytes) {
    std::string result(bytes, '\0');
    result.replace(0, 4, signature);
    put(result, 4, bytes, 4);
    return result;
}

// The fixed description table of ACPI 6.4, 5.2.9, as long as revision 6 has it, with what
// QEMU's microvm says there.
std::string fixed_table() {
    std::string result = table("FACP", 276);
    put(result, 112, 1 << 20 | 1 << 10, 4); // hardware-reduced; there is a reset register
    put(result, 116 + 1, 8, 1);
    put(result, 116 + 4, 0xfea0'0202, 8);
    put(result, 128, 0x42, 1);
    put(result, 244 + 1, 8, 1);
    put(result, 244 + 4, 0xfea0'0200, 8);
    return result;
}

void read_acpi(Microvm& machine, const std::string& tables) {
    std::vector<std::byte> exact(tables.size()); // so that a byte more is noticed
    std::ranges::copy(std::as_bytes(std::span(tables)), exact.begin());
    machine.read_acpi(exact);
}

} // namespace

TEST(Microvm, the_first_device_of_the_command_line_comes_first) {
    TestTree tree;
    for (u64 base : {0xfeb0'2e00, 0xfeb0'2c00, 0xfeb0'2a00})
        tree.slot(base);
    Microvm machine;
    tree.read_into(machine);
    EXPECT_TRUE(machine.found);
    ASSERT_EQ(machine.slots.size(), 3);
    EXPECT_EQ(machine.slots[0].base, 0xfeb0'2e00);
    EXPECT_EQ(machine.slots[0].bytes, 0x200);
    EXPECT_EQ(machine.slots[2].base, 0xfeb0'2a00);
    EXPECT_FALSE(machine.pci);
}

TEST(Microvm, slots_that_are_disabled_or_make_no_sense_are_left_out) {
    TestTree tree;
    tree.slot(0xfeb0'0000);
    tree.slot(0xfeb0'0200, "disabled");
    tree.cell(tree.slot(0xfeb0'0400), "reg", {0, 1, 2});
    tree.cell(tree.slot(0xfeb0'0600), "reg", {~u32{0}, ~u32{0}, 0, 0x200});
    Microvm machine;
    tree.read_into(machine);
    ASSERT_EQ(machine.slots.size(), 1);
    EXPECT_EQ(machine.slots[0].base, 0xfeb0'0000);
}

TEST(Microvm, more_slots_than_there_is_room_for) {
    TestTree tree;
    for (u32 i = 0; i < Microvm::max_slots + 5; ++i)
        tree.slot(0xfeb0'0000 + 0x200 * i);
    Microvm machine;
    tree.read_into(machine);
    EXPECT_EQ(machine.slots.size(), Microvm::max_slots);
}

namespace {

std::string words_for(const Microvm& machine, std::string_view command_line, std::optional<u64> kilohertz) {
    StringBuffer<2000> words;
    machine.complete_command_line(command_line, kilohertz, words);
    return std::string(words.view());
}

} // namespace

TEST(Microvm, without_acpi_a_kernel_is_told_the_slots) {
    TestTree tree;
    tree.cell(tree.slot(0xfeb0'0000), "interrupts", {5, 1});
    tree.slot(0xfeb0'0200); // without an interrupt it is of no use
    tree.cell(tree.slot(0xfeb0'0e00), "interrupts", {12, 1});
    Microvm machine;
    tree.read_into(machine);
    const std::string words = " virtio_mmio.device=512@0xfeb00000:5 virtio_mmio.device=512@0xfeb00e00:12";
    EXPECT_EQ(words_for(machine, "quiet", {}), words);
    EXPECT_EQ(words_for(machine, "my_virtio_mmio.device=1", {}), words);
    EXPECT_EQ(words_for(machine, "quiet virtio_mmio.device=512@0xfeb00e00:12", {}), "");
    read_acpi(machine, fixed_table());
    EXPECT_EQ(words_for(machine, "quiet", {}), "");
}

TEST(Microvm, a_kernel_is_told_the_clock_s_rate_that_nobody_else_tells_it) {
    Microvm machine;
    EXPECT_EQ(words_for(machine, "", 2400000), " tsc_early_khz=2400000");
    EXPECT_EQ(words_for(machine, "quiet tsc_early_khz=1", 2400000), "");
    EXPECT_EQ(words_for(machine, "", {}), "");
}

TEST(Microvm, another_machine_is_none) {
    TestTree tree("linux,dummy-virt");
    Microvm machine;
    tree.read_into(machine);
    EXPECT_FALSE(machine.found);
}

TEST(Microvm, a_pci_host_is_found) {
    TestTree tree;
    int node = tree.add("pcie@c0000000");
    tree.text(node, "compatible", "pci-host-ecam-generic");
    tree.cell(node, "#address-cells", {3});
    tree.cell(node, "#size-cells", {2});
    tree.cell(node, "bus-range", {0, 255});
    tree.cell(node, "reg", {0, 0xe000'0000, 0, 0x1000'0000});
    tree.cell(node, "ranges", {0x200'0000, 0, 0xc000'0000, 0, 0xc000'0000, 0, 0x2000'0000});
    Microvm machine;
    tree.read_into(machine);
    ASSERT_TRUE(machine.pci);
    EXPECT_EQ(machine.pci->ecam.cpu, 0xe000'0000);
    EXPECT_EQ(machine.pci->memory.bytes, 0x2000'0000);
    EXPECT_EQ(machine.pci->io.bytes, 0);
}

TEST(Microvm, reset_and_power_off_come_from_the_fixed_description_table) {
    Microvm machine;
    read_acpi(machine, table("DSDT", 91) + fixed_table() + table("APIC", 60));
    ASSERT_TRUE(machine.reset && machine.power_off);
    EXPECT_EQ(machine.reset->space, io::Space::Memory);
    EXPECT_EQ(machine.reset->address, 0xfea0'0202);
    EXPECT_EQ(machine.reset->value, 0x42);
    EXPECT_EQ(machine.power_off->address, 0xfea0'0200);
    EXPECT_EQ(machine.power_off->value, 0x34);
}

TEST(Microvm, acpi_tables_that_end_anywhere) {
    std::string whole = table("DSDT", 91) + fixed_table();
    for (usize bytes = 0; bytes < whole.size(); ++bytes) {
        Microvm machine;
        read_acpi(machine, whole.substr(0, bytes));
        EXPECT_FALSE(machine.reset || machine.power_off) << bytes;
    }
}

TEST(Microvm, acpi_tables_whose_lengths_lie) {
    for (u32 length : {u32{0}, u32{1}, u32{35}, u32{0x7fff'ffff}, ~u32{0}}) {
        Microvm machine;
        std::string first = table("DSDT", 91);
        put(first, 4, length, 4);
        read_acpi(machine, first + fixed_table());
        EXPECT_FALSE(machine.reset || machine.power_off) << length;
    }
    // A fixed description table of an old revision ends before the sleep register.
    std::string old = fixed_table().substr(0, 244);
    put(old, 4, old.size(), 4);
    Microvm machine;
    read_acpi(machine, old + std::string(64, '\1'));
    EXPECT_FALSE(machine.power_off);
}

TEST(Microvm, registers_that_make_no_sense_are_not_there) {
    std::string tables = fixed_table();
    put(tables, 112, 0, 4); // no reset register, whatever stands there
    put(tables, 244, 2, 1); // in PCI configuration space
    Microvm machine;
    read_acpi(machine, tables);
    EXPECT_FALSE(machine.reset);
    EXPECT_FALSE(machine.power_off);

    tables = fixed_table();
    put(tables, 116, 1, 1); // a port that does not exist
    put(tables, 244 + 4, 0, 8);
    Microvm other;
    read_acpi(other, tables);
    EXPECT_FALSE(other.reset);
    EXPECT_FALSE(other.power_off);

    put(tables, 116 + 4, 0xcf9, 8);
    Microvm by_port;
    read_acpi(by_port, tables);
    ASSERT_TRUE(by_port.reset);
    EXPECT_EQ(by_port.reset->space, io::Space::Port);
    EXPECT_EQ(by_port.reset->address, 0xcf9);
}

// Both files as the host gives them, by each way that it transfers them.
class MicrovmFiles : public testing::TestWithParam<bool> {
  protected:
    MicrovmFiles() { set_log_writer(&said); }
    ~MicrovmFiles() override {
        set_log_writer(nullptr);
        EXPECT_TRUE(ram.map.reservations().empty()) << "the RAM that files were read into is free again";
    }
    void find() {
        auto fw_cfg = host.open();
        ASSERT_TRUE(fw_cfg);
        machine.emplace().find(*fw_cfg, ram.map);
    }
    static std::string with_slots() {
        TestTree tree;
        tree.slot(0xfeb0'2e00);
        tree.slot(0xfeb0'2c00);
        return tree.text();
    }
    fake::FwCfg host{true, GetParam()};
    fake::LowRam ram;
    std::optional<Microvm> machine;
    StringBuffer<400> said;
};
INSTANTIATE_TEST_SUITE_P(Ways, MicrovmFiles, testing::Bool(),
                         [](auto& info) { return info.param ? "dma" : "bytes"; });

TEST_P(MicrovmFiles, both_are_read) {
    host.add_file("etc/fdt", with_slots());
    host.add_file("etc/acpi/tables", table("DSDT", 91) + fixed_table());
    find();
    EXPECT_TRUE(machine->found);
    EXPECT_EQ(machine->slots.size(), 2);
    EXPECT_TRUE(machine->reset && machine->power_off);
    EXPECT_EQ(said.view(), "");
}

// 1 MiB, of which a few KiB are in use.
TEST_P(MicrovmFiles, only_what_is_used_of_a_tree_is_fetched) {
    TestTree tree;
    tree.slot(0xfeb0'2e00);
    std::string blob = tree.text();
    put(blob, 4, 0x1000, 4); // big-endian
    blob.resize(1 << 20);
    host.add_file("etc/fdt", blob);
    host.data_reads = 0;
    find();
    EXPECT_EQ(machine->slots.size(), 1);
    EXPECT_LT(host.data_reads, 5000u);
}

TEST_P(MicrovmFiles, no_files_are_another_machine) {
    find();
    EXPECT_FALSE(machine->found);
    EXPECT_EQ(said.view(), "");
}

TEST_P(MicrovmFiles, a_machine_without_acpi) {
    host.add_file("etc/fdt", with_slots());
    find();
    EXPECT_EQ(machine->slots.size(), 2);
    EXPECT_FALSE(machine->reset || machine->power_off);
    EXPECT_EQ(said.view(), "");
}

TEST_P(MicrovmFiles, of_another_machine_the_tables_are_not_read) {
    host.add_file("etc/fdt", TestTree("linux,dummy-virt").text());
    host.add_file("etc/acpi/tables", fixed_table());
    find();
    EXPECT_FALSE(machine->found || machine->reset || machine->power_off);
}

TEST_P(MicrovmFiles, an_empty_file_of_acpi_tables_is_no_panic) {
    host.add_file("etc/fdt", with_slots());
    host.add_file("etc/acpi/tables", "");
    find();
    EXPECT_EQ(machine->slots.size(), 2);
    EXPECT_EQ(said.view(), "warning: etc/acpi/tables: size of the ACPI tables\n");
}

TEST_P(MicrovmFiles, files_that_make_no_sense_are_one_warning) {
    std::string large = with_slots();
    put(large, 37, 0x30, 1); // big-endian: a structure of 3 MiB and more
    const struct {
        std::string tree;
        std::optional<u32> tree_bytes; // as the directory says
        std::optional<u32> acpi_bytes;
        std::string_view warning;
    } rows[] = {
        {std::string(39, '\0'), {}, {}, "warning: etc/fdt: fw_cfg file is too short\n"},
        {std::string(40, '\0'), {}, {}, "warning: etc/fdt: device tree header\n"},
        {std::string(40, '\xff'), {}, {}, "warning: etc/fdt: device tree header\n"},
        {large, u32{8} << 20, {}, "warning: etc/fdt: device tree header\n"},
        {std::string(64, '\1'), {}, {}, "warning: etc/fdt: device tree header\n"},
        {with_slots(), 200, {}, "warning: etc/fdt: fw_cfg file is too short\n"},
        {with_slots().replace(0, 4, "tree"), {}, {}, "warning: etc/fdt: FDT_ERR_BADMAGIC\n"},
        {with_slots(), u32{0x8000'0001}, {}, "warning: etc/fdt: fw_cfg directory entry\n"},
        {with_slots(), {}, 2 << 20, "warning: etc/acpi/tables: size of the ACPI tables\n"},
    };
    for (const auto& row : rows) {
        host.clear();
        host.add_file("etc/fdt", row.tree, row.tree_bytes);
        host.add_file("etc/acpi/tables", fixed_table(), row.acpi_bytes);
        said.clear();
        find();
        EXPECT_EQ(said.view(), row.warning);
        EXPECT_EQ(machine->found, row.acpi_bytes.has_value());
        EXPECT_FALSE(machine->reset);
        EXPECT_TRUE(ram.map.reservations().empty());
    }
}
