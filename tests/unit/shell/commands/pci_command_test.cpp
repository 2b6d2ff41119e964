// SPDX-License-Identifier: Apache-2.0
// `pci`, on a bus of bytes that enumeration has looked at.
#include "bus/pci/inspector.h"
#include "unit/bus/pci_fixture.h"
#include "unit/shell/fixture.h"

namespace vireo::test {
namespace {

class PciCommand : public ShellTest {
  protected:
    PciCommand() { context->pci = &pci; }
    void scan() { ASSERT_TRUE(host.scan()); }
    // Host bridge, a display with three kinds of BAR, and a disk behind a bridge.
    void plug_some() {
        fabric.plug(0, FabricFunction(0x1b36, 0x0008, 0x06'0000));
        FabricFunction display(0x1234, 0x1111, 0x03'0000);
        display.memory_bar(0, 0x100'0000, true);
        display.io_bar(2, 16);
        display.memory64_bar(4, 0x4000);
        display.put(0x3c, 0x010b, 2);
        fabric.plug(2, std::move(display));
        bridge = &fabric.plug(3, a_bridge());
        disk = &bridge->behind(0x1f, 0, a_disk());
    }

    Fabric fabric;
    bus::pci::Host host{fabric.description};
    bus::pci::Inspector pci{host};
    FabricFunction* bridge = nullptr;
    FabricFunction* disk = nullptr;
};

constexpr const char* list_head = "BusDevFun  VendorId   DeviceId   Device Class       Sub-Class\n"
                                  "_____________________________________________________________\n";
constexpr const char* bar_head = "ID   Base                Size                Width  Type\n"
                                 "----------------------------------------------------------\n";

TEST_F(PciCommand, lists_all_functions_or_those_of_one_bus) {
    plug_some();
    scan();
    std::string root = "00.00.00   0x1b36     0x0008     Bridge device           0x00\n"
                       "00.02.00   0x1234     0x1111     Display controller      0x00\n"
                       "00.03.00   0x1b36     0x0001     Bridge device           0x04\n";
    std::string behind = "01.1f.00   0x1af4     0x1042     Mass storage controller 0x00\n";
    EXPECT_EQ(run("pci"), list_head + root + behind);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("pci *"), list_head + root + behind);
    EXPECT_EQ(run("pci 0"), "Scanning PCI devices on bus 0\n" + std::string(list_head) + root);
    EXPECT_EQ(run("pci 1"), "Scanning PCI devices on bus 1\n" + std::string(list_head) + behind);
    EXPECT_EQ(run("pci 2"), "No such bus\n");
    EXPECT_EQ(status, 1);
}

TEST_F(PciCommand, a_bus_with_nothing_on_it_is_a_bus) {
    fabric.plug(1, a_root_port());
    scan();
    EXPECT_EQ(run("pci 1"), "Scanning PCI devices on bus 1\n" + std::string(list_head));
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("pci regions").substr(0, 12), "Buses 00-01\n");
}

TEST_F(PciCommand, classes_that_have_no_name) {
    fabric.plug(0, FabricFunction(1, 2, 0xff'1234));
    fabric.plug(1, FabricFunction(1, 2, 0x12'0000));
    fabric.plug(2, FabricFunction(1, 2, 0x00'ff00));
    scan();
    EXPECT_EQ(run("pci"), std::string(list_head) +
                              "00.00.00   0x0001     0x0002     ???                     0x12\n"
                              "00.01.00   0x0001     0x0002     ???                     0x00\n"
                              "00.02.00   0x0001     0x0002     Build before PCI Rev2.0 0xff\n");
}

TEST_F(PciCommand, header_of_a_device) {
    plug_some();
    scan();
    std::string expected = "  vendor ID =                   0x1234\n"
                           "  device ID =                   0x1111\n"
                           "  command register ID =         0x0003\n"
                           "  status register =             0x0000\n"
                           "  revision ID =                 0x00\n"
                           "  class code =                  0x03 (Display controller)\n"
                           "  sub class code =              0x00\n"
                           "  programming interface =       0x00\n"
                           "  cache line =                  0x00\n"
                           "  latency time =                0x00\n"
                           "  header type =                 0x00\n"
                           "  BIST =                        0x00\n"
                           "  base address 0 =              0x10000008\n"
                           "  base address 1 =              0x00000000\n"
                           "  base address 2 =              0x00001001\n"
                           "  base address 3 =              0x00000000\n"
                           "  base address 4 =              0x1100000c\n"
                           "  base address 5 =              0x00000000\n"
                           "  cardBus CIS pointer =         0x00000000\n"
                           "  sub system vendor ID =        0x0000\n"
                           "  sub system ID =               0x0000\n"
                           "  expansion ROM base address =  0x00000000\n"
                           "  interrupt line =              0x0b\n"
                           "  interrupt pin =               0x01\n"
                           "  min Grant =                   0x00\n"
                           "  max Latency =                 0x00\n";
    EXPECT_EQ(run("pci header 0.2.0"), expected);
    EXPECT_EQ(run("pci header 00:02.0"), expected); // as warnings and `virtio list` print it
    std::string all = run("pci 0 long");
    EXPECT_EQ(all.substr(0, 31), "Scanning PCI devices on bus 0\n\n");
    EXPECT_NE(all.find("\nFound PCI device 00.02.00:\n" + expected), std::string::npos);
    EXPECT_EQ(run("pci long").find("\nFound PCI device 00.00.00:\n  vendor ID"), 0u);
}

TEST_F(PciCommand, header_of_a_bridge) {
    plug_some();
    scan();
    std::string header = run("pci header 0.3.0");
    for (const char* line :
         {"  header type =                 0x01\n", "  base address 1 =              0x00000000\n",
          "  secondary bus number =        0x01\n", "  memory base =                 0x1110\n",
          "  prefetch memory limit upper = 0x00000000\n", "  bridge control =              0x0000\n"})
        EXPECT_NE(header.find(line), std::string::npos) << line << header;
    EXPECT_EQ(header.find("base address 2"), std::string::npos);
    EXPECT_EQ(std::ranges::count(header, '\n'), 33);
}

TEST_F(PciCommand, an_unknown_type_of_header_shows_what_all_have) {
    fabric.plug(1, FabricFunction(1, 2, 0x06'0700, 2));
    scan();
    std::string header = run("pci header 0.1.0");
    EXPECT_EQ(std::ranges::count(header, '\n'), 12);
    EXPECT_NE(header.find("  header type =                 0x02\n"), std::string::npos);
}

TEST_F(PciCommand, bars_and_those_that_found_no_room) {
    bus::pci::Warnings warnings;
    plug_some();
    FabricFunction large(0x1af4, 0x1050, 0x03'0000);
    large.memory_bar(0, 0x8000'0000);
    fabric.plug(4, std::move(large));
    scan();
    EXPECT_EQ(run("pci bar 0.2.0"),
              std::string(bar_head) +
                  " 0   0x0000000010000000  0x0000000001000000  32     MEM   Prefetchable\n"
                  " 2   0x0000000000001000  0x0000000000000010  32     I/O   \n"
                  " 4   0x0000000011000000  0x0000000000004000  64     MEM   Prefetchable\n");
    EXPECT_EQ(run("pci bar 0.4.0"),
              std::string(bar_head) + " 0   no room             0x0000000080000000  32     MEM   \n");
    EXPECT_EQ(run("pci bar 1.1f.0"), bar_head);
    EXPECT_EQ(warnings.text,
              "warning: pci 00:04.0: no room for BAR 0 of 0x80000000 bytes; it stays unused\n");
}

TEST_F(PciCommand, regions_are_the_windows_of_the_host_bridge) {
    plug_some();
    scan();
    EXPECT_EQ(run("pci regions"),
              "Buses 00-01\n"
              "#   Bus start          Phys start         Size                Flags\n"
              "0   0x0000000010000000 0x0000000010000000 0x000000002eff0000  mem\n"
              "1   0x0000008000000000 0x0000008000000000 0x0000008000000000  mem prefetch\n"
              "2   0x0000000000000000 0x000000003eff0000 0x0000000000010000  io\n");
}

TEST_F(PciCommand, display_shows_configuration_space_in_each_width) {
    plug_some();
    scan();
    EXPECT_EQ(run("pci display 0.2.0"), "00000000: 11111234 00000003 03000000 00000000\n"
                                        "00000010: 10000008 00000000 00001001 00000000\n"
                                        "00000020: 1100000c 00000000 00000000 00000000\n"
                                        "00000030: 00000000 00000000 00000000 0000010b\n");
    EXPECT_EQ(run("pci display.b 0.2.0 1 3"), "00000001: 12 11 11\n");
    EXPECT_EQ(run("pci display.w 0.2.0 3c 9"),
              "0000003c: 010b 0000 0000 0000 0000 0000 0000 0000\n0000004c: 0000\n");
    EXPECT_EQ(run("pci display.l 0.2.0 3c 1"), "0000003c: 0000010b\n");
    EXPECT_EQ(std::ranges::count(run("pci display.b 0.2.0 f0 ffffffffffffffff"), '\n'),
              1); // to the end, no further
    EXPECT_EQ(run("pci display 0.2.0 0 0"), "");
}

TEST_F(PciCommand, wrong_addresses_are_refused_in_one_line) {
    plug_some();
    scan();
    EXPECT_EQ(run("pci display 0.2.0 100"),
              "address 0x100: configuration space has addresses below 0x100, in steps of 4 here\n");
    EXPECT_EQ(run("pci display.w 0.2.0 1"),
              "address 0x1: configuration space has addresses below 0x100, in steps of 2 here\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("pci display 0.2.0 ffffffffffffffff 1").find("address 0xffffffffffffffff:"), 0u);
    EXPECT_EQ(std::ranges::count(run("pci display 0.2.0 x"), '\n'), 1);
    EXPECT_EQ(run("pci header 0.4.0"), "No such device\n");
    for (const char* wrong :
         {"", "0", "0.2", "0.2.0.", "0.2.0.1", "0.20.0", "0.2.8", "100.2.0", "zz", "..", "0.2.g"})
        EXPECT_EQ(run("pci bar '" + std::string(wrong) + "'"),
                  "'" + std::string(wrong) +
                      "' is no PCI device: bus.device.function, hexadecimal, as in 0.2.0\n");
    EXPECT_EQ(status, 1);
}

TEST_F(PciCommand, usage) {
    plug_some();
    scan();
    for (const char* line :
         {"pci nonsense", "pci header", "pci header 0.2.0 1", "pci bar", "pci display", "pci 0 short",
          "pci enum 1", "pci regions 0", "pci display.q 0.2.0", "pci display.x 0.2.0", "pci display.wl 0.2.0",
          "pci display. 0.2.0", "pci displays 0.2.0", "pci heads 0.2.0", "pci .w 0.2.0",
          "pci display 0.2.0 1 2 3"}) {
        std::string text = run(line);
        EXPECT_NE(text.find("Usage:\npci [bus|*] [long]"), std::string::npos) << line << text;
        EXPECT_EQ(status, 1);
    }
}

// "pci region", as the list of U-Boot's commands has it, and single letters, as its users type them.
TEST_F(PciCommand, the_beginnings_of_its_words_do_as_well) {
    plug_some();
    scan();
    for (auto [shorter, whole] : {std::pair("pci region", "pci regions"),
                                  {"pci r", "pci regions"},
                                  {"pci h 0.2.0", "pci header 0.2.0"},
                                  {"pci b 0.2.0", "pci bar 0.2.0"},
                                  {"pci d 0.2.0", "pci display 0.2.0"},
                                  {"pci d.w 0.2.0 0 2", "pci display.w 0.2.0 0 2"},
                                  {"pci 0 l", "pci 0 long"},
                                  {"pci l", "pci long"},
                                  {"pci en", "pci enum"}}) {
        std::string text = run(shorter);
        EXPECT_EQ(status, 0) << shorter;
        EXPECT_EQ(text, run(whole)) << shorter;
    }
    for (const char* line : {"pci e", "pci b", "pci d", "pci b long"}) // buses
        EXPECT_EQ(run(line), "No such bus\n") << line;
}

TEST_F(PciCommand, enum_finds_what_is_new_and_moves_nothing) {
    plug_some();
    scan();
    std::string before = run("pci bar 0.2.0");
    EXPECT_EQ(run("pci header 0.5.0"), "No such device\n");
    fabric.plug(5, a_disk());
    EXPECT_EQ(run("pci enum"), "");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("pci header 0.5.0").find("  vendor ID =                   0x1af4\n"), 0u);
    EXPECT_EQ(run("pci bar 0.2.0"), before);
}

TEST_F(PciCommand, what_was_pulled_out_reads_as_all_ones) {
    plug_some();
    scan();
    disk->gone = true;
    EXPECT_EQ(run("pci 1"), "Scanning PCI devices on bus 1\n" + std::string(list_head) +
                                "01.1f.00   0xffff     0xffff     ???                     0xff\n");
    EXPECT_EQ(std::ranges::count(run("pci header 1.1f.0"), '\n'), 12);
}

TEST_F(PciCommand, a_machine_without_pci_says_so) {
    context->pci = nullptr;
    for (const char* line : {"pci", "pci enum", "pci header 0.0.0"}) {
        EXPECT_EQ(run(line), "no PCI on this machine\n");
        EXPECT_EQ(status, 1);
    }
}

TEST_F(PciCommand, an_unusable_host_bridge_is_an_error) {
    bus::pci::Host none{bus::pci::HostDescription{}};
    bus::pci::Inspector inspector_of_none{none};
    context->pci = &inspector_of_none;
    EXPECT_EQ(run("pci"), list_head);
    EXPECT_EQ(run("pci enum"), "pci enum: not supported (PCI configuration window too small)\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("pci regions"),
              "Buses 00-00\n#   Bus start          Phys start         Size                Flags\n");
}

TEST_F(PciCommand, tab_completes_the_subcommands) {
    EXPECT_NE(type("pci he\t0.0.0\r").find("pci header 0.0.0"), std::string::npos);
}

} // namespace
} // namespace vireo::test
