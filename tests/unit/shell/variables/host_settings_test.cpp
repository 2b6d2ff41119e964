// SPDX-License-Identifier: Apache-2.0
// opt/vireo/env and opt/vireo/script: what a host gives for the start, from a fw_cfg device on ports or in
// memory, with and without DMA.
#include "shell/variables/host_settings.h"

#include "hosted/fakes/fw_cfg.h"
#include "machine/firmware/fw_cfg_files.h"
#include "unit/shell/fixture.h"

#include <random>

namespace vireo::test {
namespace {

class HostSettings : public ShellTest {
  protected:
    explicit HostSettings(bool on_ports = true, bool dma = true) : fake(on_ports, dma) {}

    void give_environment(std::string text) { fake.add_file("opt/vireo/env", std::move(text)); }
    void give_script(std::string text) { fake.add_file("opt/vireo/script", std::move(text)); }
    void plug_in() {
        files.emplace(*fake.open());
        context->host_files = &*files;
    }
    // What the variables of this file cost in lines.
    std::string set(std::string text) {
        fake.clear();
        give_environment(std::move(text));
        plug_in();
        port.take_output();
        shell::set_host_variables(*context);
        console->flush();
        return lines(port.take_output());
    }
    std::string value(std::string_view name) {
        return std::string(context->environment.get(name).value_or("(none)"));
    }
    // Everything up to the prompt, where `keys` are typed, after every countdown here.
    std::string start(const std::string& keys = "") {
        plug_in();
        port.take_output();
        port.type_later(event::Duration::seconds(5), keys + "\x04");
        shell::interact(*context);
        context->exiting = false;
        return lines(port.take_output());
    }

    fake::FwCfg fake;
    std::optional<machine::FwCfgFiles> files;
};

class EachHostSettings : public HostSettings, public testing::WithParamInterface<std::tuple<bool, bool>> {
  protected:
    EachHostSettings() : HostSettings(std::get<0>(GetParam()), std::get<1>(GetParam())) {}
};
INSTANTIATE_TEST_SUITE_P(FwCfg, EachHostSettings, testing::Combine(testing::Bool(), testing::Bool()),
                         [](auto& info) {
                             return std::string(std::get<0>(info.param) ? "ports" : "memory") +
                                    (std::get<1>(info.param) ? "_dma" : "_bytes");
                         });

TEST_P(EachHostSettings, a_boot_command_is_given_without_a_build) {
    fake.add_file("opt/vireo/environment", "bootcmd=wrong\n");
    give_environment("bootcmd=echo booting $what\nwhat=from the host\n");
    give_script("echo before; setenv bootdelay 1");
    EXPECT_EQ(start(), "opt/vireo/env: 2 variables set\n"
                       "## Executing script opt/vireo/script\nbefore\n"
                       "Hit any key to stop autoboot:  1 \b\b\b 0 \nbooting from the host\n=> \n");
}

TEST_P(EachHostSettings, without_files_nothing_is_said) {
    EXPECT_EQ(start(), "=> \n");
    context->host_files = nullptr;
    EXPECT_EQ(lines(type("")), "=> \n");
}

TEST_F(HostSettings, lines_of_every_form) {
    EXPECT_EQ(set("\xef\xbb\xbf# a comment with = in it\r\n"
                  "\r\n"
                  "   \t \n"
                  "a=1\r\n"
                  "  b=two  words \n"
                  "\t# indented\\\n"
                  "c=x=y # no comment here\n"
                  "d=\"quotes 'stay'\"\n"
                  "e=one\\\r\n  two\\\n\n"
                  "f=back\\slash\n"
                  "g=\xc3\xa4\ttab\n"
                  "a=2\n"
                  "last=no line end\\"),
              "opt/vireo/env: 9 variables set\n");
    EXPECT_EQ(value("a"), "2");
    EXPECT_EQ(value("b"), "two  words ");
    EXPECT_EQ(value("c"), "x=y # no comment here");
    EXPECT_EQ(value("d"), "\"quotes 'stay'\"");
    EXPECT_EQ(value("e"), "one\n  two\n");
    EXPECT_EQ(value("f"), "back\\slash");
    EXPECT_EQ(value("g"), "\xc3\xa4\ttab");
    EXPECT_EQ(value("last"), "no line end\\");
    EXPECT_EQ(set("bootcmd=echo hi"), "opt/vireo/env: 1 variable set\n");
    EXPECT_EQ(value("bootcmd"), "echo hi");
    EXPECT_EQ(set(""), "opt/vireo/env: 0 variables set\n");
    EXPECT_EQ(set("bootdelay=\nnosuch=\n"), "opt/vireo/env: 2 variables set\n");
    EXPECT_EQ(value("bootdelay"), "(none)");
}

TEST_F(HostSettings, each_wrong_line_is_named_and_the_others_count) {
    using namespace std::string_literals;
    EXPECT_EQ(set("good=1\n"
                  "no equals sign\n"
                  "=value\n"
                  "  =value\n"
                  "two words=x\n"
                  "export a=b\n"
                  "name =x\n"
                  "ipaddr=10.0.2.300\n"
                  "ethaddr=01:00:00:00:00:01\n"
                  "baudrate=9600\n"
                  "stdout=serial,vidconsole\n"
                  "nul=a\0b\n"
                  "bell\a=x\n"
                  "esc=\x1b[2J\n"
                  "broken \x1b[2J\n"
                  "long"s +
                  std::string(60, 'g') + "\nipaddr=10.0.2.15\n"),
              "opt/vireo/env:2: no '=': \"no equals sign\"\n"
              "opt/vireo/env:3: no name before '=': \"=value\"\n"
              "opt/vireo/env:4: no name before '=': \"  =value\"\n"
              "opt/vireo/env:5: a name has no blanks and control characters: \"two words=x\"\n"
              "opt/vireo/env:6: a name has no blanks and control characters: \"export a=b\"\n"
              "opt/vireo/env:7: a name has no blanks and control characters: \"name =x\"\n"
              "opt/vireo/env:8: not an IP address: \"ipaddr=10.0.2.300\"\n"
              "opt/vireo/env:9: not a card's hardware address: \"ethaddr=01:00:00:00:00:01\"\n"
              "opt/vireo/env:10: the console has 115200 bps and no other rate: \"baudrate=9600\"\n"
              "opt/vireo/env:11: the console is 'serial' and nothing else: \"stdout=serial,vidconsole\"\n"
              "opt/vireo/env:12: a zero byte: \"nul=a?b\"\n"
              "opt/vireo/env:13: a name has no blanks and control characters: \"bell?=x\"\n"
              "opt/vireo/env:15: no '=': \"broken ?[2J\"\n"
              "opt/vireo/env:16: no '=': \"longgggggggggggggggggggggggggggggggggggg\"...\n"
              "opt/vireo/env: 3 variables set, 14 lines not used\n");
    EXPECT_EQ(value("good"), "1");
    EXPECT_EQ(value("ipaddr"), "10.0.2.15");
    EXPECT_EQ(value("baudrate"), "115200");
}

TEST_F(HostSettings, the_number_is_that_of_the_line_in_which_a_value_begins) {
    EXPECT_EQ(set("a=1\\\n2\\\n3\nwrong\\\nwrong too\n\nlast wrong"),
              "opt/vireo/env:4: no '=': \"wrong?wrong too\"\n"
              "opt/vireo/env:7: no '=': \"last wrong\"\n"
              "opt/vireo/env: 1 variable set, 2 lines not used\n");
}

TEST_F(HostSettings, many_wrong_lines_are_counted) {
    std::string text;
    for (int i = 0; i < 1000; ++i)
        text += "wrong\n";
    std::string said = set(text);
    EXPECT_EQ(std::ranges::count(said, '\n'), 22);
    EXPECT_TRUE(said.ends_with("opt/vireo/env:20: no '=': \"wrong\"\n"
                               "opt/vireo/env: 980 more lines are wrong\n"
                               "opt/vireo/env: 0 variables set, 1000 lines not used\n"));
}

TEST_F(HostSettings, large_files) {
    constexpr usize most = shell::Environment::max_bytes;
    std::string value_64k(65536, 'v');
    EXPECT_EQ(set("big=" + value_64k + "\nsmall=1\n"), "opt/vireo/env: 2 variables set\n");
    EXPECT_EQ(value("big"), value_64k);
    // As large as all variables may be together, and one byte more.
    std::string whole = "a=" + std::string(most - 2, 'x');
    EXPECT_EQ(set(whole), "opt/vireo/env:1: no room for the variable: \"a=" + std::string(38, 'x') +
                              "\"...\nopt/vireo/env: 0 variables set, 1 line not used\n");
    EXPECT_EQ(set(whole + "x"), "opt/vireo/env: larger than 262140 bytes: not used\n");
    fake.clear();
    fake.add_file("opt/vireo/env", "a=1", 0x7fff'ffff);
    plug_in();
    shell::set_host_variables(*context);
    EXPECT_EQ(lines(port.take_output()), "opt/vireo/env: larger than 262140 bytes: not used\n");
    EXPECT_EQ(value("a"), "(none)");
}

TEST_F(HostSettings, the_host_may_give_a_card_another_address) {
    ASSERT_TRUE(context->environment.set("ethaddr", "52:54:00:12:34:56"));
    EXPECT_EQ(set("ethaddr=52:54:00:00:00:99\n"), "opt/vireo/env: 1 variable set\n");
    EXPECT_EQ(value("ethaddr"), "52:54:00:00:00:99");
}

TEST_F(HostSettings, a_device_that_fails_costs_a_line) {
    give_environment("a=1");
    give_script("echo a");
    plug_in();
    fake.dma_fails = true;
    EXPECT_EQ(lines(type("")), "opt/vireo/env: I/O error (fw_cfg transfer)\n"
                               "opt/vireo/script: I/O error (fw_cfg transfer)\n=> \n");
    fake.dma_fails = false;
    fake.set_directory(0xffff'ffff, "");
    EXPECT_EQ(lines(type("")), "opt/vireo/env: corrupt (fw_cfg directory)\n"
                               "opt/vireo/script: corrupt (fw_cfg directory)\n=> \n");
}

// Whatever stands in the file: it is read to its end, and each line is set, or named, or empty.
TEST_F(HostSettings, any_text_is_read_to_its_end) {
    std::mt19937 random(1130);
    constexpr std::string_view pieces[] = {
        "a",       "=",         "\n",       "\r\n",         "\\",   "\\\n",         "#",    " ", "\t",
        "ipaddr=", "ethaddr=1", "baudrate", "\xef\xbb\xbf", "\xff", "name=value\n", "\x1b", "\r"};
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        for (u32 left = random() % 40; left > 0; --left)
            text += random() % 8 == 0 ? std::string(1, static_cast<char>(random()))
                                      : std::string(pieces[random() % std::size(pieces)]);
        std::string said = set(text);
        EXPECT_TRUE(said.ends_with(" set\n") || said.ends_with(" not used\n")) << said;
        EXPECT_EQ(said.find('\x1b'), said.npos);
    }
}

TEST_F(HostSettings, a_script_runs_before_the_countdown_and_may_change_it) {
    give_script(
        "#!/bin/sh\r\nif true; then\r\n  setenv bootcmd 'echo booted'\r\nfi\r\nsetenv bootdelay -2\r\n");
    EXPECT_EQ(start(), "## Executing script opt/vireo/script\nbooted\n=> \n");
}

TEST_F(HostSettings, exit_ends_the_script_and_nothing_else) {
    give_script("echo a; exit 0; echo b");
    give_environment("bootcmd=echo booted\nbootdelay=-2\n");
    EXPECT_EQ(start("echo still here\r"),
              "opt/vireo/env: 2 variables set\n## Executing script opt/vireo/script\na\nbooted\n=> echo "
              "still here\nstill here\n=> \n");
}

TEST_F(HostSettings, a_script_that_fails_costs_a_line_and_the_machine_boots) {
    give_environment("bootcmd=echo booted\nbootdelay=-2\n");
    for (auto [script, said] :
         {std::pair{"false", "opt/vireo/script: failed with status 1\n"},
          {"exit 7", "opt/vireo/script: failed with status 7\n"},
          {"nosuch", "Unknown command 'nosuch' - try 'help'\nopt/vireo/script: failed with status 1\n"},
          {"echo a\nif true; then echo b",
           "syntax error: the text ends too early\nopt/vireo/script: failed with status 1\n"},
          {"false; true", ""},
          {"", ""}}) {
        fake.clear();
        give_environment("bootcmd=echo booted\nbootdelay=-2\n");
        give_script(script);
        EXPECT_EQ(start(), "opt/vireo/env: 2 variables set\n## Executing script opt/vireo/script\n" +
                               std::string(said) + "booted\n=> \n");
    }
}

TEST_F(HostSettings, ctrl_c_in_the_script_leads_to_the_prompt) {
    give_environment("bootcmd=echo booted\nbootdelay=-2\n");
    give_script("sleep 100; echo not reached");
    plug_in();
    port.type_later(event::Duration::seconds(1), "\x03");
    port.type_later(event::Duration::seconds(2), "echo $?\r\x04");
    port.take_output();
    shell::interact(*context);
    EXPECT_EQ(lines(port.take_output()),
              "opt/vireo/env: 2 variables set\n## Executing script opt/vireo/script\n"
              "=> echo $?\n1\n=> \n"); // `sleep` ends without a word
}

TEST_F(HostSettings, a_script_that_is_no_text_is_not_run) {
    give_script(std::string("\x27\x05\x19\x56\0\0echo a\n", 13));
    EXPECT_EQ(start(), "opt/vireo/script: a zero byte in it: not run\n=> \n");
    fake.clear();
    give_script(std::string(shell::Environment::max_bytes + 1, '\n'));
    EXPECT_EQ(start(), "opt/vireo/script: larger than 262140 bytes: not used\n=> \n");
    fake.clear();
    give_script(std::string(shell::Environment::max_bytes - 7, '\n') + "echo hi");
    EXPECT_EQ(start(), "## Executing script opt/vireo/script\nhi\n=> \n");
}

} // namespace
} // namespace vireo::test
