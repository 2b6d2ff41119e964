// SPDX-License-Identifier: Apache-2.0
// The countdown before $bootcmd: its text byte by byte, and what each $bootdelay means.
#include "unit/shell/fixture.h"

namespace vireo::test {
namespace {

class Autoboot : public ShellTest {
  protected:
    // The start of the shell, up to the prompt, with nobody typing before `delay`.
    std::string start(event::Duration delay, const std::string& keys = "") {
        port.take_output();
        port.type_later(delay, keys + "\x04");
        shell::interact(*context);
        context->exiting = false;
        return port.take_output();
    }
};

TEST_F(Autoboot, nothing_to_boot_is_the_prompt_at_once) {
    u64 before = hosted::clock_now();
    EXPECT_EQ(start(event::Duration::micro(10)), "=> \r\n");
    EXPECT_LT(hosted::clock_now() - before, hosted::millisecond);
}

TEST_F(Autoboot, counts_down_and_boots) {
    run("setenv bootcmd 'echo booting'");
    u64 before = hosted::clock_now();
    EXPECT_EQ(start(event::Duration::seconds(3)),
              "Hit any key to stop autoboot:  2 \b\b\b 1 \b\b\b 0 \r\nbooting\r\n=> \r\n");
    EXPECT_GE(hosted::clock_now() - before, 2 * hosted::second);
}

TEST_F(Autoboot, any_key_stops_it_and_is_swallowed) {
    run("setenv bootcmd 'echo booting'");
    EXPECT_EQ(start(event::Duration::milli(1500), "xecho hi\r"),
              "Hit any key to stop autoboot:  2 \b\b\b 1 \r\n=> echo hi\r\nhi\r\n=> \r\n");
    EXPECT_EQ(start({}, "\x03"), "Hit any key to stop autoboot:  2 \r\n=> \r\n");
}

TEST_F(Autoboot, control_c_is_seen_behind_a_large_paste) {
    run("setenv bootcmd 'while true; do true; done'; setenv bootdelay -2");
    std::string text = start(event::Duration::milli(1), std::string(100000, 'x') + "\x03" + "echo end\r");
    EXPECT_EQ(text.substr(0, 13), "<INTERRUPT>\r\n");
    EXPECT_NE(text.find("\r\nend\r\n"), text.npos);
}

TEST_F(Autoboot, delays_of_a_special_kind) {
    run("setenv bootcmd 'echo booting'; setenv bootdelay 0");
    EXPECT_EQ(start(event::Duration::seconds(1)), "Hit any key to stop autoboot:  0 \r\nbooting\r\n=> \r\n");
    run("setenv bootdelay -1");
    EXPECT_EQ(start({}), "=> \r\n");
    run("setenv bootdelay -2");
    EXPECT_EQ(start({}), "booting\r\n=> \r\n");
    run("setenv bootdelay -99999999999999999999999");
    EXPECT_EQ(start({}), "booting\r\n=> \r\n");
    run("setenv bootdelay; setenv bootcmd false");
    EXPECT_EQ(start(event::Duration::seconds(3)),
              "Hit any key to stop autoboot:  2 \b\b\b 1 \b\b\b 0 \r\n=> \r\n");
}

TEST_F(Autoboot, a_delay_that_is_none_costs_a_line_and_the_default) {
    run("setenv bootcmd 'echo booting'");
    for (std::string text : {"soon", "2s", "1.5", "-", "--1", "+3", "0x"}) {
        run("setenv bootdelay " + text);
        EXPECT_EQ(start({}, "x"), "bootdelay \"" + text +
                                      "\" is not a number of seconds: 2 seconds\r\n"
                                      "Hit any key to stop autoboot:  2 \r\n=> \r\n");
    }
    run("setenv bootdelay \"' 1 '\"");
    EXPECT_TRUE(start({}, "x").starts_with("bootdelay"));
    run("setenv bootdelay ' 1 '");
    EXPECT_EQ(start({}, "x"), "Hit any key to stop autoboot:  1 \r\n=> \r\n");
}

TEST_F(Autoboot, a_long_delay_is_counted_and_one_that_is_too_long_is_said) {
    run("setenv bootcmd 'echo booting'; setenv bootdelay 100");
    EXPECT_EQ(start(event::Duration::milli(1500), "x"),
              "Hit any key to stop autoboot: 100 \b\b\b99 \r\n=> \r\n");
    run("setenv bootdelay 3600");
    EXPECT_EQ(start({}, "x"), "Hit any key to stop autoboot: 3600 \r\n=> \r\n");
    for (std::string text : {"3601", "4294967296", "18446744073709551615", "99999999999999999999999"}) {
        run("setenv bootdelay " + text);
        EXPECT_EQ(start({}, "x"), "bootdelay \"" + text +
                                      "\" is too long: 3600 seconds\r\n"
                                      "Hit any key to stop autoboot: 3600 \r\n=> \r\n");
    }
}

TEST_F(Autoboot, a_key_of_several_bytes_is_swallowed_whole) {
    run("setenv bootcmd 'echo booting'");
    for (std::string key :
         {"\x1b[A", "\x1bOP", "\x1b[15~", "\x1b[1;5C", "\x1bx", "\xc3\xa4", "\xf0\x9f\x98\x80", "\x80"})
        EXPECT_EQ(start(event::Duration::milli(500), key + "echo hi\r"),
                  "Hit any key to stop autoboot:  2 \r\n=> echo hi\r\nhi\r\n=> \r\n");
    // ESC by itself: what comes later is typed at the prompt.
    port.type_later(event::Duration::milli(700), "echo hi\r\x04");
    port.type_later(event::Duration::milli(500), "\x1b");
    port.take_output();
    shell::interact(*context);
    EXPECT_EQ(port.take_output(), "Hit any key to stop autoboot:  2 \r\n=> echo hi\r\nhi\r\n=> \r\n");
}

TEST_F(Autoboot, a_command_that_fails_or_leaves_ends_at_the_prompt) {
    run("setenv bootdelay -2; setenv bootcmd 'echo a; exit 3; echo b'");
    EXPECT_EQ(start({}, "echo $?\r"), "a\r\n=> echo $?\r\n3\r\n=> \r\n");
    run("setenv bootcmd 'if true'");
    EXPECT_EQ(start({}, "echo $?\r"), "syntax error: the text ends too early\r\n=> echo $?\r\n1\r\n=> \r\n");
}

} // namespace
} // namespace vireo::test
