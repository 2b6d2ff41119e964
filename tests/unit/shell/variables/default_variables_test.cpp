// SPDX-License-Identifier: Apache-2.0
// What is set at start, and what may not be changed about it.
#include "unit/shell/fixture.h"

namespace vireo::test {
namespace {

class DefaultVariables : public ShellTest {};

TEST_F(DefaultVariables, the_console_is_what_it_is) {
    for (std::string_view line :
         {"setenv baudrate 115200", "setenv stdout serial", "setenv stderr serial,serial"})
        EXPECT_EQ(run(line), "") << line;
    EXPECT_EQ(run("setenv baudrate 12"),
              "## Baudrate 12 bps not supported\n## Error inserting \"baudrate\" variable, errno=22\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("setenv baudrate 115200x").find("## Baudrate 115200x bps not supported\n"), 0u);
    EXPECT_EQ(run("setenv -f baudrate 9600").find("## Baudrate 9600 bps not supported\n"), 0u);
    EXPECT_EQ(run("setenv baudrate"), "## Baudrate may not be deleted\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("setenv stdout lcd"), "## Error: the console is 'serial' and nothing else\n"
                                        "## Error inserting \"stdout\" variable, errno=22\n");
    EXPECT_EQ(status, 1);
    for (std::string_view line : {"setenv stdin serial,usbkbd", "setenv stdin ,",
                                  "setenv stderr serial,,serial", "setenv stdin ' serial'"})
        EXPECT_NE(run(line), "") << line;
    EXPECT_EQ(run("setenv stdin"), "Can't delete \"stdin\"\n");
    EXPECT_EQ(run("env delete stderr"), "Can't delete \"stderr\"\n");
    EXPECT_EQ(run("echo $baudrate $stdin $stdout $stderr"), "115200 serial serial serial,serial\n");
}

TEST_F(DefaultVariables, the_console_is_what_its_variables_say) {
    ScriptedPort other;
    VIREO_MUST(console->add("virtio", other));
    EXPECT_EQ(run("setenv stdout serial,virtio; echo both"), "both\n");
    EXPECT_EQ(lines(other.take_output()), "both\n");
    EXPECT_EQ(run("env set stdout virtio; echo away"), "");
    EXPECT_EQ(lines(other.take_output()), "away\n");
    EXPECT_EQ(run("setenv stdout lcd; setenv stdin virtio,lcd; echo $stdout $stdin"), "");
    EXPECT_EQ(lines(other.take_output()), "## Error: the consoles are 'serial', 'virtio' and nothing else\n"
                                          "## Error inserting \"stdout\" variable, errno=22\n"
                                          "## Error: the consoles are 'serial', 'virtio' and nothing else\n"
                                          "## Error inserting \"stdin\" variable, errno=22\n"
                                          "virtio serial\n");
    EXPECT_EQ(run("env default -f bootdelay; setenv stderr virtio"), ""); // $stdout as it was
    run("setenv stdin serial,virtio; env default stdout");
    EXPECT_EQ(run("echo here"), "here\n");
    EXPECT_EQ(other.take_output(), "");
    other.type_later(event::Duration::milli(10), "\x03");
    EXPECT_EQ(run("sleep 5; echo never"), "");
    EXPECT_EQ(status, 1);
    run("env default -a");
    other.type("x");
    EXPECT_EQ(run("echo $stdin $stdout $stderr"), "serial serial serial\n");
    EXPECT_EQ(other.receive(), u8{'x'});
}

TEST_F(DefaultVariables, a_console_that_breaks_leaves_the_serial_port) {
    class Broken final : public system::ConsolePort {
        void send(std::string_view, Waiter*) override { ADD_FAILURE(); }
        std::optional<u8> receive() override { return std::nullopt; }
        bool is_usable() const override { return false; }
    } other;
    VIREO_MUST(console->add("virtio", other));
    EXPECT_EQ(run("setenv stdout virtio; setenv stdin virtio; echo here"), "here\n");
    EXPECT_EQ(type("echo typed\r"), "=> echo typed\r\ntyped\r\n=> \r\n");
}

TEST_F(DefaultVariables, defaults_come_back_and_suit_the_ram_that_is_free) {
    std::string first = run("printenv");
    EXPECT_EQ(run("setenv kernel_addr_r 1; setenv mine x; setenv scriptaddr; env default -a; printenv"),
              "## Resetting to default environment\n" + first);
    VIREO_MUST(memory.reserve(0x40100000, 0x200000, "somebody"));
    EXPECT_EQ(run("env default -a; echo $kernel_addr_r $loadaddr"),
              "## Resetting to default environment\n40400000 40400000\n");
    VIREO_MUST(memory.reserve(0x40000000, 0x1000000, "everybody"));
    EXPECT_EQ(run("env default -a; echo $kernel_addr_r $loadaddr"),
              "## Resetting to default environment\n"
              "No room in RAM for $kernel_addr_r and its like: they are not set\n40200000\n");
}

TEST_F(DefaultVariables, a_machine_has_the_names_that_scripts_ask_for) {
    machine.names = {"arm", "qemu-arm", "armv8", "emulation", ""};
    machine.tree = 0x40f80000;
    EXPECT_EQ(
        run("env default -a; echo $arch $board $board_name $cpu $vendor $fdt_addr $fdtcontroladdr; env "
            "exists soc || echo no"),
        "## Resetting to default environment\narm qemu-arm qemu-arm armv8 emulation 40f80000 40f80000\nno\n");
}

} // namespace
} // namespace vireo::test
