// SPDX-License-Identifier: Apache-2.0
// Commands about the shell itself, time, the board and memory: what they print, word for word.
#include "unit/shell/fixture.h"

#include "event/bootstage.h"
#include "version.h"

#include <regex>
#include <sstream>

namespace vireo::test {
namespace {

class Commands : public ShellTest {
  protected:
    void expect_usage(std::string_view line) {
        std::string text = run(line);
        std::string name(line.substr(0, line.find_first_of(" .")));
        EXPECT_EQ(text.rfind(name + " - ", 0), 0u) << line << ": " << text;
        EXPECT_NE(text.find("\n\nUsage:\n" + name), text.npos) << line << ": " << text;
        EXPECT_EQ(status, 1) << line;
    }
};

TEST_F(Commands, registry_is_an_array) {
    auto all = shell::all_commands();
    EXPECT_GT(all.size(), 30u);
    for (const shell::Command& command : all) {
        EXPECT_NE(command.run, nullptr);
        EXPECT_GT(std::string_view(command.summary).size(), 0u);
        // Every usage line starts with the command's name, or is indented.
        for (std::string_view rest = command.usage; !rest.empty();) {
            std::string_view line = rest.substr(0, rest.find('\n'));
            EXPECT_TRUE(line.starts_with(command.name) || line.starts_with("     ")) << line;
            EXPECT_LE(line.size(), 110u);
            rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        }
    }
}

TEST_F(Commands, help) {
    std::string list = run("help");
    EXPECT_NE(list.find("\necho      - print words\n"), list.npos);
    EXPECT_NE(list.find("\nvirtio    - virtio block devices sub-system\n"), list.npos);
    EXPECT_TRUE(list.starts_with("?         - alias for 'help'\n"));
    std::istringstream lines(list);
    std::string previous;
    for (std::string line; std::getline(lines, line); previous = line)
        EXPECT_LT(previous.substr(0, 10), line.substr(0, 10));
    EXPECT_EQ(run("?"), list);
    EXPECT_EQ(run("help true"), "true - succeed\n\nUsage:\ntrue - do nothing, status 0\n");
    EXPECT_EQ(run("help nosuch"),
              "Unknown command 'nosuch' - try 'help' without arguments for list of all known commands\n");
    EXPECT_EQ(status, 1);
}

TEST_F(Commands, help_virtio_is_the_documented_text) {
    EXPECT_EQ(run("help virtio")
                  .find("virtio - virtio block devices sub-system\n"
                        "\n"
                        "Usage:\n"
                        "virtio scan - initialize virtio bus\n"
                        "virtio info - show all available virtio block devices\n"
                        "virtio device [dev] - show or set current virtio block device\n"
                        "virtio part [dev] - print partition table of one or all virtio block devices\n"
                        "virtio read addr blk# cnt - read `cnt' blocks starting at block\n"
                        "     `blk#' to memory address `addr'\n"
                        "virtio write addr blk# cnt - write `cnt' blocks starting at block\n"
                        "     `blk#' from memory address `addr'\n"
                        "virtio list"),
              0u);
}

TEST_F(Commands, wrong_counts_of_words_are_usage) {
    for (std::string_view line : {"sleep",
                                  "sleep 1 2",
                                  "version x",
                                  "bdinfo x",
                                  "md",
                                  "md 1 2 3",
                                  "mw 40000000",
                                  "mw 1 2 3 4",
                                  "cp 1 2",
                                  "cp 1 2 3 4",
                                  "cmp 1 2",
                                  "crc32",
                                  "crc32 40000000",
                                  "crc32 -v 1 2",
                                  "setenv",
                                  "run",
                                  "env",
                                  "env what",
                                  "env default",
                                  "env default -f",
                                  "env default -k x",
                                  "env default -a x",
                                  "env default -x",
                                  "setexpr x fmt",
                                  "setexpr x sub a",
                                  "setexpr x gsub a b c d",
                                  "setexpr.s x a +",
                                  "env exists",
                                  "env delete",
                                  "virtio",
                                  "virtio nosuch",
                                  "virtio erase",
                                  "virtio erase 1",
                                  "virtio erase -d 1",
                                  "virtio erase 1 2 3",
                                  "virtio bench",
                                  "virtio bench -1",
                                  "virtio bench 0 1 2",
                                  "virtio scan x",
                                  "virtio info x",
                                  "virtio device 0 x",
                                  "virtio part 0 x",
                                  "virtio read",
                                  "virtio read 40000000",
                                  "virtio read 40000000 0",
                                  "virtio write 40000000 0",
                                  "virtio read 1 2 3 4",
                                  "virtio list x",
                                  "ls",
                                  "ls virtio",
                                  "ls virtio 0 / x",
                                  "load virtio",
                                  "size virtio 0",
                                  "fstype virtio",
                                  "fstypes x",
                                  "part",
                                  "part list",
                                  "part start virtio 0",
                                  "part types x",
                                  "reset now",
                                  "poweroff now",
                                  "rng list x",
                                  "rng 0 1 2",
                                  "exit 1 2"})
        expect_usage(line);
}

TEST_F(Commands, echo) {
    EXPECT_EQ(run("echo -n a b; echo -n; echo c"), "a bc\n");
    EXPECT_EQ(run("echo a -n"), "a -n\n");
}

TEST_F(Commands, variables) {
    EXPECT_EQ(
        run("printenv"),
        "baudrate=115200\nboard=test_board\nboard_name=test_board\nboot_targets=virtio0 dhcp\nbootdelay=2\n"
        "fdt_addr_r=40800000\nkernel_addr_r=40000000\nloadaddr=40200000\npxefile_addr_r=40b00000\n"
        "ramdisk_addr_r=40c00000\nscriptaddr=40a00000\nstderr=serial\nstdin=serial\nstdout=serial\n\n"
        "Environment size: 264/262140 bytes\n");
    EXPECT_EQ(run("setenv b 2; setenv a 1  x; printenv a b"), "a=1 x\nb=2\n");
    EXPECT_EQ(run("printenv nosuch a"), "## Error: \"nosuch\" not defined\na=1 x\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("setenv a; printenv a"), "## Error: \"a\" not defined\n");
    EXPECT_EQ(run("setenv bad=name x"), "## Error: illegal character '=' in variable name \"bad=name\"\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("setenv '' x"), "setenv: invalid argument (not a variable name)\n");
    EXPECT_EQ(run("setenv 'b d' x"), "## Error: illegal character ' ' in variable name \"b d\"\n");
    EXPECT_EQ(run("setenv nosuch"), ""); // deleting what is not there
    EXPECT_EQ(status, 0);
}

TEST_F(Commands, environment_is_bounded) {
    std::string value(15'000, 'v');
    for (int i = 0; i < 17; ++i)
        EXPECT_EQ(run("setenv v" + std::to_string(i) + " " + value), "");
    EXPECT_EQ(run("setenv more " + value), "setenv: too large (no room for the variable)\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("printenv more"), "## Error: \"more\" not defined\n");
    EXPECT_EQ(run("setenv v3; setenv more " + value), "");
    EXPECT_EQ(run("printenv v16").size(), 15'005u);
}

TEST_F(Commands, environment_keeps_every_variable_sorted) {
    for (int i = 0; i < 200; ++i)
        run("setenv n" + std::to_string(i * 7919 % 200) + " " + std::to_string(i));
    for (int i = 0; i < 200; i += 3)
        run("setenv n" + std::to_string(i * 7919 % 200));
    for (int i = 0; i < 200; ++i) {
        auto value = context->environment.get("n" + std::to_string(i * 7919 % 200));
        EXPECT_EQ(value.has_value(), i % 3 != 0);
        if (value)
            EXPECT_EQ(*value, std::to_string(i));
    }
    std::string previous;
    usize cursor = 0;
    while (auto variable = context->environment.next(cursor)) {
        EXPECT_LT(previous, variable->name);
        previous = variable->name;
    }
}

TEST_F(Commands, run) {
    EXPECT_EQ(run("setenv a 'echo 1; false'; setenv b 'echo 2'; run b a b; echo $?"), "2\n1\n1\n");
    EXPECT_EQ(run("run nosuch"), "## Error: \"nosuch\" not defined\n");
    EXPECT_EQ(status, 1);
    // A script may replace itself.
    EXPECT_EQ(run("setenv s 'setenv s echo new; echo old'; run s s"), "old\nnew\n");
    EXPECT_EQ(run("setenv bad 'echo a | b'; run bad").rfind("syntax error: ", 0), 0u);
}

TEST_F(Commands, env) {
    EXPECT_EQ(
        run("env set x 1 2; env print x; env exists x && echo yes; env delete x; env exists x || echo no"),
        "x=1 2\nyes\nno\n");
    EXPECT_EQ(run("env delete x nosuch"), "");
    EXPECT_EQ(status, 0);
    run("setenv y 1; setenv loadaddr 1");
    EXPECT_EQ(run("env default -a; env exists y; echo $? $loadaddr"),
              "## Resetting to default environment\n1 40200000\n");
    for (std::string_view line : {"env default -f -a", "env default -a -f", "env default -fa"})
        EXPECT_EQ(
            run("setenv y 1; setenv loadaddr 1; " + std::string(line) + "; env exists y; echo $? $loadaddr"),
            "## Resetting to default environment\n1 40200000\n");
    EXPECT_EQ(run("setenv y 1; setenv loadaddr 1; env default -k -a; echo $? $y $loadaddr"),
              "## Resetting to default environment\n0 1 40200000\n");
    EXPECT_EQ(
        run("setenv bootdelay 9; setenv loadaddr 1; env default bootdelay; echo $? $bootdelay $loadaddr $y"),
        "0 2 1 1\n");
    EXPECT_EQ(run("env default -f y loadaddr nosuch; echo $?; env exists y; echo $? $loadaddr"),
              "'y' has no default: deleted\n0\n1 40200000\n");
    EXPECT_EQ(run("env print -a"), run("printenv"));
    EXPECT_EQ(run("printenv -a"), run("printenv"));
    EXPECT_EQ(run("printenv -a bootdelay"), "bootdelay=2\n");
}

TEST_F(Commands, a_variable_can_be_empty) {
    EXPECT_EQ(run("setenv f \"\"; env exists f; echo $? [$f]; printenv f"), "0 []\nf=\n");
    EXPECT_EQ(run("setenv f $unset; env exists f; echo $?"), "1\n");
    EXPECT_EQ(run("env set f \"$unset\"; env exists f; echo $?"), "0\n");
    EXPECT_EQ(run("setenv f; env exists f; echo $?"), "1\n");
}

TEST_F(Commands, sleep_and_time) {
    u64 before = hosted::clock_now();
    EXPECT_EQ(run("sleep 1.25"), "");
    EXPECT_NEAR(static_cast<double>(hosted::clock_now() - before), 1.25e9, 1e6);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("time sleep .5"), "\ntime: 0.500 seconds\n");
    EXPECT_EQ(run("time sleep 61"), "\ntime: 1 minutes, 1.000 seconds\n");
    EXPECT_EQ(run("time false; echo $?"), "\ntime: 0.000 seconds\n1\n");
    for (std::string_view bad : {"x", ".", "1.x", "1..2", "-1", "99999999999"}) {
        EXPECT_EQ(run("sleep " + std::string(bad)), "'" + std::string(bad) + "': not a number of seconds\n");
        EXPECT_EQ(status, 1);
    }
}

TEST_F(Commands, control_c_ends_sleep_silently) {
    u64 before = hosted::clock_now();
    port.type_later(event::Duration::seconds(2), "\x03");
    EXPECT_EQ(run("sleep 1000; echo never"), "");
    EXPECT_EQ(status, 1);
    EXPECT_LT(hosted::clock_now() - before, 3 * hosted::second);
    EXPECT_EQ(run("sleep 0.1; echo fine"), "fine\n"); // the interrupt is used up
}

TEST_F(Commands, control_c_in_one_burst_with_the_command) {
    EXPECT_EQ(type("sleep 1000\r\x03"
                   "echo next\r"),
              "=> sleep 1000\r\n=> echo next\r\nnext\r\n=> \r\n");
}

TEST_F(Commands, bootstage_reports_the_start) {
    event::first_stage("start", arch::ticks()); // other tests started machines before
    for (int i = 0; i < 20; ++i)
        event::mark_stage("filler");
    type("");
    std::string text = run("bootstage report");
    std::smatch found;
    ASSERT_TRUE(std::regex_search(text, found,
                                  std::regex("^Timer summary in microseconds \\((\\d+) records\\):\n"
                                             "       Mark    Elapsed  Stage\n"
                                             "          0          0  reset\n")));
    std::string rest = found.suffix();
    u64 before = 0;
    int records = 1;
    std::string last;
    for (std::regex line("^([ ,0-9]{11})([ ,0-9]{11})  (\\S+)\n"); std::regex_search(rest, found, line);
         ++records) {
        auto number = [](std::string digits) {
            std::erase(digits, ',');
            return std::stoull(digits);
        };
        EXPECT_EQ(number(found[1]), before + number(found[2]));
        before = number(found[1]);
        last = found[3];
        rest = found.suffix();
    }
    EXPECT_TRUE(std::regex_match(rest, std::regex("\nAccumulated time:\n"
                                                  " {11}[ ,0-9]{11}  dm_r\n"
                                                  " {11}[ ,0-9]{11}  disk\n"
                                                  " {11}[ ,0-9]{11}  network\n")))
        << rest;
    EXPECT_EQ(last, "main_loop");
    EXPECT_TRUE(text.starts_with("Timer summary in microseconds (" + std::to_string(records) + " records)"));
    EXPECT_EQ(run("bootstage nonsense").substr(0, 12), "bootstage - ");
}

TEST_F(Commands, bootstage_adds_up_what_was_worked) {
    event::first_stage("start", arch::ticks());
    auto row = [&](std::string_view name) {
        std::string text = run("bootstage report");
        usize end = text.find("  " + std::string(name) + "\n");
        EXPECT_NE(end, text.npos);
        std::string digits = text.substr(end - 11, 11);
        std::erase(digits, ',');
        return std::stoull(digits);
    };
    EXPECT_EQ(row("dm_r"), 0u);
    for (int i = 0; i < 2; ++i) {
        event::WorkTimer timer(event::Work::Devices);
        arch::idle_until(arch::ticks() + 1'234'567 * hosted::microsecond / 2);
    }
    EXPECT_NEAR(static_cast<double>(row("dm_r")), 1'234'567, 20);
    EXPECT_EQ(row("network"), 0u);
    // A disk that takes a while for each of two reads.
    TestDisk& disk = plug(1 << 20);
    EXPECT_EQ(row("disk"), 0u);
    for (int i = 0; i < 2; ++i) {
        disk.is_stuck = true;
        hosted::schedule(40 * hosted::millisecond, [&] { disk.is_stuck = false; });
        run("virtio read 40000000 0 1");
    }
    EXPECT_GE(row("disk"), 80'000u);
    EXPECT_LT(row("disk"), 90'000u);
}

TEST_F(Commands, version) {
    std::string commit = VIREO_COMMIT;
    if (!commit.empty())
        commit.insert(0, "-");
    EXPECT_EQ(run("version"), "Vireo " VIREO_VERSION + commit +
                                  " (" VIREO_DATE ")\n\n" VIREO_COMPILER "\n" VIREO_LINKER "\n");
}

TEST_F(Commands, bdinfo) {
    EXPECT_EQ(run("bdinfo"), "board       = test_board\n"
                             "model       = a test\n"
                             "DRAM bank   = 0x0000000000000000\n"
                             "-> start    = 0x0000000040000000\n"
                             "-> size     = 0x0000000001000000\n"
                             "loadaddr    = 0x0000000040200000\n"
                             "Build       = 64-bit\n"
                             "fact        = 42\n"
                             "reserved  0 = 0x0000000040f00000..0x0000000040ffffff Vireo image\n");
}

TEST_F(Commands, reset_and_poweroff_quiesce_first_and_say_when_they_cannot) {
    EXPECT_EQ(run("reset"), "resetting ...\nresetting: not supported (no reset line)\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(machine.resets, 1);
    EXPECT_EQ(inspector.quiesced, 1);
    EXPECT_EQ(inspector.rescans, 1); // the devices come back
    EXPECT_EQ(run("poweroff"), "poweroff ...\npoweroff: not supported (no switch)\n");
    EXPECT_EQ(machine.power_offs, 1);
    EXPECT_EQ(inspector.quiesced, 2);
}

// The usage is for who types; a script's output keeps what led to the wrong call.
TEST_F(Commands, a_wrong_call_in_a_script_is_one_line) {
    EXPECT_EQ(run("setenv s 'md $nothing; echo go on'; run s"), "wrong call: md (see 'help md')\ngo on\n");
    EXPECT_EQ(run("setenv s 'virtio read 40000000 \"$nothing\" x y z'; run s; echo $?"),
              "wrong call: virtio read 40000000  x y z (see 'help virtio')\n1\n");
    expect_usage("md");
}

TEST_F(Commands, boot) {
    EXPECT_EQ(run("boot"), "## Error: \"bootcmd\" not defined\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("setenv bootcmd 'echo booting'; boot"), "booting\n");
}

class MemoryCommands : public Commands {};

TEST_F(MemoryCommands, md) {
    for (usize i = 0; i < 64; ++i)
        machine.ram[i] = static_cast<std::byte>(i + 0x30);
    EXPECT_EQ(run("md 40000000 4"), "40000000: 33323130 37363534 3b3a3938 3f3e3d3c  0123456789:;<=>?\n");
    EXPECT_EQ(run("md.b 40000000 3"), "40000000: 30 31 32                                         012\n");
    EXPECT_EQ(run("md.w 40000000 9"), "40000000: 3130 3332 3534 3736 3938 3b3a 3d3c 3f3e  0123456789:;<=>?\n"
                                      "40000010: 4140                                     @A\n");
    EXPECT_EQ(run("md.q 0x40000000 3"), "40000000: 3736353433323130 3f3e3d3c3b3a3938  0123456789:;<=>?\n"
                                        "40000010: 4746454443424140                   @ABCDEFG\n");
    std::string text = run("md.l 40000040");
    EXPECT_EQ(std::ranges::count(text, '\n'), 16); // 0x40 units of 4
    EXPECT_EQ(run("md 40000000 0"), "");
}

TEST_F(MemoryCommands, numbers_that_are_none) {
    EXPECT_EQ(run("md xyz"), "'xyz': not a number (hexadecimal)\n");
    EXPECT_EQ(run("md 40000000 --"), "'--': not a number (hexadecimal)\n");
    EXPECT_EQ(run("md 11112222333344445"), "'11112222333344445': number too large (hexadecimal)\n");
    EXPECT_EQ(run("mw.q 40000000 0 2000000000000000"), "'2000000000000000': number too large\n");
    EXPECT_EQ(status, 1);
}

TEST_F(MemoryCommands, outside_ram_and_over_vireo) {
    EXPECT_EQ(run("md 3ffffffc 1"), "0x3ffffffc..0x3fffffff is not in RAM\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("md 40fffffc 2"), "0x40fffffc..0x41000003 is not in RAM\n");
    EXPECT_EQ(run("md fffffffffffffff0"), "0xfffffffffffffff0..0xffffffffffffffff is not in RAM\n");
    EXPECT_EQ(run("mw 40effffc 0 2"),
              "0x40effffc..0x40f00003 is not free: 0x40f00000..0x40ffffff belongs to Vireo image\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("mw 0 0"), "0x00000000..0x00000003 is not in RAM\n");
    EXPECT_EQ(run("cp 40000000 40f00000 1"),
              "0x40f00000..0x40f00003 is not free: 0x40f00000..0x40ffffff belongs to Vireo image\n");
    EXPECT_EQ(run("crc32 40000000 10 40f00000"),
              "0x40f00000..0x40f00003 is not free: 0x40f00000..0x40ffffff belongs to Vireo image\n");
    EXPECT_EQ(run("crc32 0 10"), "0x00000000..0x0000000f is not in RAM\n");
    EXPECT_EQ(run("cmp 40000000 0 1"), "0x00000000..0x00000003 is not in RAM\n");
    run("md 40f00000 4"); // reading is allowed
    EXPECT_EQ(status, 0);
}

TEST_F(MemoryCommands, registers_by_single_accesses_of_the_width_that_was_typed) {
    machine.has_addresses = true;
    for (u8 i = 0; i < 64; ++i)
        machine.registers[i] = i;
    EXPECT_EQ(run("md.w 9000010 3"), "09000010: 1110 1312 1514                           ......\n");
    EXPECT_EQ(std::exchange(machine.accesses, ""), "2r 2r 2r ");
    EXPECT_EQ(run("mw.l 9000004 11223344 2; mw.b 9000003 aa"), "");
    EXPECT_EQ(std::exchange(machine.accesses, ""), "4w 4w 1w ");
    EXPECT_EQ(run("md.q 9000000 2"), "09000000: 11223344aa020100 0f0e0d0c11223344  ....D3\".D3\".....\n");
    EXPECT_EQ(std::exchange(machine.accesses, ""), "8r 8r ");
    run("cp.l 9000000 40000000 c; cp.l 40000004 9000020 2");
    EXPECT_EQ(std::memcmp(machine.ram.data(), machine.registers, 0x20), 0);
    EXPECT_EQ(std::memcmp(machine.ram.data() + 4, machine.registers + 0x20, 8), 0);
    EXPECT_EQ(run("cmp.l 9000000 40000000 8"), "Total of 8 word(s) were the same\n");
    machine.ram[9] ^= std::byte{1};
    EXPECT_EQ(run("cmp.w 9000000 40000000 8"),
              "halfword at 0x09000008 (0x3344) != halfword at 0x40000008 (0x3244)\n"
              "Total of 4 halfword(s) were the same\n");
    EXPECT_EQ(status, 1);
    machine.ram[9] ^= std::byte{1};
    run("crc32 40000000 20 40000100; crc32 9000000 20 40000104");
    EXPECT_EQ(std::memcmp(machine.ram.data() + 0x100, machine.ram.data() + 0x104, 4), 0);
}

TEST_F(MemoryCommands, cp_between_registers_reads_each_of_them_once) {
    machine.has_addresses = true;
    for (u8 i = 0; i < 64; ++i)
        machine.registers[i] = i;
    EXPECT_EQ(run("cp.l 9000000 9000020 3"), "");
    EXPECT_EQ(machine.accesses, "4r 4w 4r 4w 4r 4w ");
    EXPECT_EQ(std::memcmp(machine.registers, machine.registers + 0x20, 12), 0);
}

TEST_F(MemoryCommands, a_refused_access_is_one_line) {
    machine.has_addresses = true;
    EXPECT_EQ(run("md 900003c 3"), "0x09000040 cannot be read: no answer\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("mw 900003c 0 3"), "0x09000040 cannot be written: no answer\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("cmp 40000000 0 4"), "0x00000000 cannot be read: no answer\n");
    EXPECT_EQ(run("cp.b 0 40000000 4"), "0x00000000 cannot be read: no answer\n");
    EXPECT_EQ(run("cp.b 40000000 0 4"), "0x00000000 cannot be written: no answer\n");
    EXPECT_EQ(run("crc32 10 4"), "0x00000010 cannot be read: no answer\n");
    EXPECT_EQ(status, 1);
    // Half in RAM: reading goes on until it ends, writing does not begin.
    EXPECT_EQ(run("md.b 40fffff0 11").find("40fffff0: "), 0u);
    EXPECT_EQ(run("mw 3ffffffc 0 2"), "0x3ffffffc..0x40000003 is not in RAM\n");
    EXPECT_EQ(run("md fffffffffffffff8 4"), "0xfffffffffffffff8..0xffffffffffffffff is not in RAM\n");
}

TEST_F(MemoryCommands, ram_that_cannot_be_read) {
    machine.has_addresses = true;
    machine.closed = 0x40f01000; // of somebody's
    EXPECT_EQ(run("md 40f01000 1"), "0x40f01000 cannot be read: no answer\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("setexpr.l x *40f01000"), "0x40f01000 cannot be read: the processor refused the access\n");
    run("md 40f00000 4");
    EXPECT_EQ(status, 0);
    memory.guard_below(0x40000100); // null pointers
    EXPECT_EQ(run("setexpr.l x *40000000"), "0x40000000..0x40000003 is not in RAM\n");
}

TEST_F(Commands, go) {
    EXPECT_EQ(run("go 40000000 one 'two words'"), "## Starting application at 0x40000000 ...\n"
                                                  "## Application terminated, rc = 0x0\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(std::exchange(machine.called, ""), "40000000|one|two words|");
    EXPECT_EQ(inspector.quiesced, 1);
    EXPECT_EQ(inspector.rescans, 1);
    machine.call_result = 0x1f;
    EXPECT_EQ(run("go 40000000"), "## Starting application at 0x40000000 ...\n"
                                  "## Application terminated, rc = 0x1F\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("go 50000000"), "## Starting application at 0x50000000 ...\n"
                                  "go: out of range (no such address)\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("go x"), "'x': not a number (hexadecimal)\n");
    expect_usage("go");
}

// Nobody is given RAM that a device may still write to.
TEST_F(Commands, go_starts_nothing_while_a_device_does_not_confirm_its_reset) {
    inspector.quiet = error(ErrorCode::DeviceBroken, "a device may still write to memory");
    EXPECT_EQ(run("go 40000000"), "go: device broken (a device may still write to memory)\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(machine.called, "");
    EXPECT_EQ(inspector.rescans, 1) << "the others work again";
    inspector.quiet = {};
    EXPECT_NE(run("go 40000000").find("## Application terminated"), std::string::npos);
}

TEST_F(MemoryCommands, mw) {
    run("mw.b 40000001 ab; mw.w 40000002 1234; mw 40000004 deadbeef; mw.q 40000008 1122334455667788");
    EXPECT_EQ(run("md.b 40000000 10"),
              "40000000: 00 ab 34 12 ef be ad de 88 77 66 55 44 33 22 11  ..4......wfUD3\".\n");
    run("mw.w 40000100 abcd 3");
    EXPECT_EQ(run("md.w 400000fe 5"), "400000fe: 0000 abcd abcd abcd 0000                 ..........\n");
    run("mw.l 40100000 01020304 300001"); // more than a chunk
    for (u64 at : {0x0u, 0x3ffffcu, 0x400000u, 0xc00000u})
        EXPECT_EQ(std::to_integer<u8>(machine.ram[0x100000 + at]), 4) << at;
    EXPECT_EQ(std::to_integer<u8>(machine.ram[0x100000 + 0xc00004]), 0);
    EXPECT_EQ(run("mw.b 40000000 100"), "0x100 does not fit a byte\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("mw 40000000 1 0"), "");
    EXPECT_EQ(status, 0);
}

TEST_F(MemoryCommands, cp_also_where_ranges_overlap) {
    for (usize i = 0; i < 0x300000; ++i)
        machine.ram[i] = static_cast<std::byte>(i * 31 >> 3);
    std::vector<std::byte> before(machine.ram.begin(), machine.ram.begin() + 0x300000);
    run("cp.b 40000000 40000123 250001");
    EXPECT_EQ(std::memcmp(machine.ram.data() + 0x123, before.data(), 0x250001), 0);
    run("cp.b 40000123 40000000 250001");
    EXPECT_EQ(std::memcmp(machine.ram.data(), before.data(), 0x250001), 0);
    EXPECT_EQ(run("cp 40000000 40800000 0"), "");
}

TEST_F(MemoryCommands, cmp) {
    machine.ram[0x1005] = std::byte{0x99};
    EXPECT_EQ(run("cmp.b 40000000 40001000 10"), "byte at 0x40000005 (0x0) != byte at 0x40001005 (0x99)\n"
                                                 "Total of 5 byte(s) were the same\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("cmp.w 40000000 40001000 8"),
              "halfword at 0x40000004 (0x0) != halfword at 0x40001004 (0x9900)\n"
              "Total of 2 halfword(s) were the same\n");
    EXPECT_EQ(run("cmp 40000000 40001000 4"), "word at 0x40000004 (0x0) != word at 0x40001004 (0x9900)\n"
                                              "Total of 1 word(s) were the same\n");
    EXPECT_EQ(run("cmp.q 40000000 40001000 2"),
              "double word at 0x40000000 (0x0) != double word at 0x40001000 (0x990000000000)\n"
              "Total of 0 double word(s) were the same\n");
    EXPECT_EQ(run("cmp.b 40000000 40001000 5"), "Total of 5 byte(s) were the same\n");
    EXPECT_EQ(status, 0);
}

TEST_F(MemoryCommands, crc32) {
    std::memcpy(machine.ram.data(), "123456789", 9);
    EXPECT_EQ(run("crc32 40000000 9"), "crc32 for 40000000 ... 40000008 ==> cbf43926\n");
    EXPECT_EQ(run("crc32 40000000 9 40000010; md.b 40000010 4"),
              "crc32 for 40000000 ... 40000008 ==> cbf43926\n"
              "40000010: cb f4 39 26                                      ..9&\n");
    EXPECT_EQ(run("crc32 -v 40000000 9 cbf43926"), "crc32 for 40000000 ... 40000008 ==> cbf43926\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("crc32 -v 40000000 9 12345678"),
              "crc32 for 40000000 ... 40000008 ==> cbf43926 != 12345678 ** ERROR **\n");
    EXPECT_EQ(status, 1);
}

TEST_F(MemoryCommands, control_c_ends_long_ones) {
    for (std::string_view line : {"md.b 40000000 100000", "mw.b 40000000 0 e00000", "crc32 40000000 e00000",
                                  "cp.b 40000000 40000001 e00000", "cmp.b 40000000 40000001 e00000"}) {
        port.type_after_looks(3, "\x03");
        std::string text = run(line);
        EXPECT_TRUE(text.ends_with("<INTERRUPT>\n")) << line;
        EXPECT_LT(text.size(), 1000u) << line;
        EXPECT_EQ(status, 1) << line;
    }
}

} // namespace
} // namespace vireo::test
