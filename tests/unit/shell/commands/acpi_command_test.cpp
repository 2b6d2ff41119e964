// SPDX-License-Identifier: Apache-2.0
// `acpi`, on tables that a test lays out in RAM.
#include "unit/shell/fixture.h"
#include "unit/support/table_host.h"

namespace vireo::test {
namespace {

constexpr u64 root = ScriptedMachine::base + 0x1000;
constexpr u64 first = ScriptedMachine::base + 0x2000;
constexpr u64 fixed = ScriptedMachine::base + 0x3000;
constexpr u64 dsdt = ScriptedMachine::base + 0x4000;
constexpr u64 facs = ScriptedMachine::base + 0x5000;
constexpr const char* head = "Name      Base    Size  Detail\n"
                             "----  --------  ------  ----------------------------\n";

class AcpiCommand : public ShellTest {
  protected:
    AcpiCommand() {
        machine.tables->acpi_root = root;
        std::string pointer(20, '\0');
        pointer.replace(0, 8, "RSD PTR ");
        put(pointer, 16, first, 4);
        lay(root, pointer, 8);
        lay_roots({fixed});
        std::string description = table("FACP", 116);
        put(description, 36, facs, 4);
        put(description, 40, dsdt, 4);
        lay(fixed, description, 9);
        lay(dsdt, table("DSDT", 40), 9);
        std::string control(64, '\0');
        control.replace(0, 4, "FACS");
        put(control, 4, 64, 4);
        lay(facs, control);
    }
    static std::string table(std::string_view signature, usize bytes) {
        std::string text(bytes, '\0');
        text.replace(0, 4, signature);
        put(text, 4, bytes, 4);
        put(text, 8, 3, 1);
        text.replace(10, 6, "BOCHS ");
        text.replace(16, 8, "BXPC    ");
        put(text, 24, 1, 4);
        text.replace(28, 4, "BXPC");
        put(text, 32, 0x20, 4);
        return text;
    }
    void lay(u64 address, std::string text, std::optional<usize> checksum = {}) {
        if (checksum)
            put(text, *checksum, 0u - sum(text), 1);
        std::memcpy(machine.memory(address), text.data(), text.size());
    }
    void lay_roots(std::initializer_list<u64> addresses, usize width = 4) {
        std::string roots = table(width == 8 ? "XSDT" : "RSDT", 36 + width * addresses.size());
        usize at = 36;
        for (u64 address : addresses) {
            put(roots, at, address, width);
            at += width;
        }
        lay(first, roots, 9);
    }
};

TEST_F(AcpiCommand, lists_the_tables) {
    EXPECT_EQ(run("acpi list"), std::string(head) + "RSDP  40001000      14\n"
                                                    "RSDT  40002000      28  v03 BOCHS  BXPC     1 BXPC 20\n"
                                                    "FACP  40003000      74  v03 BOCHS  BXPC     1 BXPC 20\n"
                                                    "DSDT  40004000      28  v03 BOCHS  BXPC     1 BXPC 20\n"
                                                    "FACS  40005000      40\n");
    EXPECT_EQ(status, 0);
}

TEST_F(AcpiCommand, a_root_pointer_of_revision_2_has_addresses_of_64_bits) {
    std::string pointer(36, '\0');
    pointer.replace(0, 8, "RSD PTR ");
    put(pointer, 15, 2, 1);
    put(pointer, 20, 36, 4);
    put(pointer, 24, first, 8);
    put(pointer, 8, 0u - sum(pointer.substr(0, 20)), 1);
    lay(root, pointer, 32);
    lay_roots({dsdt}, 8);
    EXPECT_EQ(run("acpi list"), std::string(head) +
                                    "RSDP  40001000      24\n"
                                    "XSDT  40002000      2c  v03 BOCHS  BXPC     1 BXPC 20\n"
                                    "DSDT  40004000      28  v03 BOCHS  BXPC     1 BXPC 20\n");
}

TEST_F(AcpiCommand, a_wrong_checksum_is_said) {
    *machine.memory(dsdt + 39) = std::byte{1};
    EXPECT_NE(
        run("acpi list").find("DSDT  40004000      28  v03 BOCHS  BXPC     1 BXPC 20  wrong checksum\n"),
        std::string::npos);
}

TEST_F(AcpiCommand, dumps_a_table_by_its_name) {
    EXPECT_EQ(run("acpi dump facs"),
              "FACS @ 40005000\n"
              "00000000: 46 41 43 53 40 00 00 00 00 00 00 00 00 00 00 00  FACS@...........\n"
              "00000010: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................\n"
              "00000020: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................\n"
              "00000030: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("acpi dump SSDT"), "There is no table 'SSDT'\n");
    EXPECT_EQ(status, 1);
}

TEST_F(AcpiCommand, tables_that_do_not_lie_in_ram_are_left_out) {
    u64 end = ScriptedMachine::base + ScriptedMachine::bytes;
    std::string whole = table("SSDT", 36);
    lay(end - 36, whole, 9);
    lay_roots({end - 36, end - 7, end - 8, 0, 0xffff'fff0});
    lay(end - 8, std::string("\x08\0\0\0", 4)); // its length is read from the table before
    std::string text = run("acpi list");
    EXPECT_NE(text.find("tables do not lie in RAM as a whole, or are too many\n"), std::string::npos) << text;
    EXPECT_EQ(status, 0);
    lay_roots({end - 36});
    lay(end - 36, whole, 9);
    EXPECT_NE(run("acpi list").find("SSDT  40ffffdc      24"), std::string::npos)
        << "up to the last byte of RAM";
    put(whole, 4, 37, 4);
    lay(end - 36, whole, 9);
    EXPECT_NE(run("acpi list").find("1 tables do not lie"), std::string::npos) << "one beyond";
}

TEST_F(AcpiCommand, tables_that_name_each_other_end) {
    std::string description = table("FACP", 116);
    put(description, 36, fixed, 4);
    put(description, 40, first, 4);
    lay(fixed, description, 9);
    EXPECT_LT(run("acpi list").size(), 4096u);
}

TEST_F(AcpiCommand, a_machine_without_tables) {
    machine.tables->acpi_root = 0;
    EXPECT_EQ(run("acpi list"), "This machine has no ACPI tables\n");
    EXPECT_EQ(status, 1);
    machine.tables->acpi_root = root + 0x800;
    EXPECT_EQ(run("acpi list"), "ACPI tables: corrupt (ACPI root pointer)\n");
    machine.tables = error(ErrorCode::Corrupt, "size of etc/table-loader");
    EXPECT_EQ(run("acpi dump FACP"), "ACPI tables: corrupt (size of etc/table-loader)\n");
    EXPECT_EQ(status, 1);
}

TEST_F(AcpiCommand, wrong_words) {
    EXPECT_NE(run("acpi").find("acpi list"), std::string::npos);
    for (const char* line : {"acpi set", "acpi list all", "acpi dump"})
        EXPECT_NE(run(line).find("acpi dump NAME"), std::string::npos) << line;
}

} // namespace
} // namespace vireo::test
