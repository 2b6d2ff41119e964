// SPDX-License-Identifier: Apache-2.0
// What the terminal shows while somebody types at the prompt.
#include "unit/shell/fixture.h"

#include <regex>

namespace vireo::test {
namespace {

class LineEditor : public ShellTest {
  protected:
    // What the commands printed that were typed: the output without prompts and echoes.
    std::string answers(std::string_view keys, std::string_view leave = "\x04") {
        std::string text = lines(type(keys, leave));
        std::string result;
        for (usize at = 0; at < text.size();) {
            usize end = text.find('\n', at);
            end = end == text.npos ? text.size() : end;
            std::string line = text.substr(at, end - at);
            if (!line.starts_with("=> ") && !line.starts_with("> "))
                result += line + "\n";
            at = end + 1;
        }
        return result;
    }
};

TEST_F(LineEditor, echoes_and_runs) {
    EXPECT_EQ(type("echo hi\r"), "=> echo hi\r\nhi\r\n=> \r\n");
    EXPECT_EQ(type("\r\n\n"), "=> \r\n=> \r\n=> \r\n");
}

TEST_F(LineEditor, inserting_in_the_middle_redraws_the_rest_only) {
    EXPECT_EQ(type("echo ac\x02"
                   "b\r"),
              "=> echo ac\bbc\b\r\nabc\r\n=> \r\n");
}

TEST_F(LineEditor, keys) {
    EXPECT_EQ(answers("cho x\x01"
                      "e\r"),
              "x\n");                                        // ^A
    EXPECT_EQ(answers("echo\x01\x05 y\r"), "y\n");           // ^E
    EXPECT_EQ(answers("echo ab\x02\x02X\x06Y\r"), "XaYb\n"); // ^B ^F
    EXPECT_EQ(answers("echo abc\x02\x02\x04\r"), "ac\n");    // ^D
    EXPECT_EQ(answers("echo abc\x02\x02\x0b\r"), "a\n");     // ^K
    EXPECT_EQ(answers("garbage\x15"
                      "echo u\r"),
              "u\n");                                               // ^U
    EXPECT_EQ(answers("echo one two  \x17three\r"), "one three\n"); // ^W
    EXPECT_EQ(answers("echo abx\x08\x08\x7fy\r"), "y\n");           // ^H, DEL
    EXPECT_EQ(answers("echo ab\x1b[D\x1b[DX\x1b[CY\r"), "XaYb\n");
    EXPECT_EQ(answers("cho z\x1b[He\x1b[F!\r"), "z!\n");
    EXPECT_EQ(answers("cho z\x1b[1~e\x1b[4~!\r"), "z!\n");
    EXPECT_EQ(answers("echo ab\x1b[D\x1b[3~\r"), "a\n");
    EXPECT_EQ(answers("\x08\x7f\x17\x0bx\x04\x02\x02\x02\x06\x06\x06\x15"
                      "echo ok\r"),
              "ok\n"); // at either end nothing happens
}

TEST_F(LineEditor, erasing_shows) {
    EXPECT_EQ(type("echo ab\x08\r"), "=> echo ab\b \b\r\na\r\n=> \r\n");
    EXPECT_EQ(type("echo abc\x02\x02\x08\r"), "=> echo abc\b\b\bbc \b\b\b\r\nbc\r\n=> \r\n");
}

TEST_F(LineEditor, unknown_keys_and_sequences_do_nothing) {
    EXPECT_EQ(answers("echo a\x1b[15~bc\x1bOPd\x0f\x14\x1b\x1b[Xe\r"), "abcde\n");
    EXPECT_EQ(answers("echo \x1b"
                      "x\r"),
              "x\n");
    EXPECT_EQ(answers("echo a\x1b[\recho b\x1b\recho c\r"), "a\nb\nc\n"); // nor in the next line
    // Not with the number of a key, nor with one that becomes such if it is cut to 16 bits.
    EXPECT_EQ(answers("echo abc\x02\x1b[5~\x1b[15~\x1b[65539~\x1b[65537~d\r"), "abdc\n");
}

TEST_F(LineEditor, utf8_passes_and_is_one_character_each) {
    EXPECT_EQ(answers("echo \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!\r"),
              "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!\n");
    EXPECT_EQ(answers("echo a\xe2\x82\xac\x7f"
                      "b\r"),
              "ab\n");
    EXPECT_EQ(answers("echo \xe2\x82\xac\xc3\xa9\x02\x02x\x06y\r"), "x\xe2\x82\xacy\xc3\xa9\n");
    EXPECT_EQ(type("echo \xc3\xa9\x02x\r"), "=> echo \xc3\xa9\bx\xc3\xa9\b\r\nx\xc3\xa9\r\n=> \r\n");
}

TEST_F(LineEditor, history) {
    EXPECT_EQ(answers("echo 1\recho 2\r\x10\x10\r"), "1\n2\n1\n");
    EXPECT_EQ(answers("echo 2\recho 3\r\x1b[A\x1b[A\x1b[B\r"), "2\n3\n3\n");
    EXPECT_EQ(answers("echo dra\x10\x0e"
                      "ft\r"),
              "draft\n"); // what was being typed comes back
    EXPECT_EQ(answers("echo w\recho x\recho x\r\x10\x10\r"),
              "w\nx\nx\nw\n"); // one entry for a line that is repeated
    EXPECT_EQ(type("\x0e\r"), "=> \a\r\n=> \r\n");
    EXPECT_EQ(answers("echo long line\recho s\r\x10\x10 more\r"), "long line\ns\nlong line more\n");
}

TEST_F(LineEditor, recalling_a_shorter_line_blanks_the_rest) {
    EXPECT_EQ(type("echo a\recho bbb\r\x10\x10\r"), "=> echo a\r\na\r\n=> echo bbb\r\nbbb\r\n"
                                                    "=> echo bbb\b\b\ba  \b\b\r\na\r\n=> \r\n");
}

TEST_F(LineEditor, history_forgets_the_oldest_lines_only) {
    std::string keys;
    for (int i = 0; i < 40; ++i)
        keys += "true " + std::to_string(i) + std::string(1000, 'x') + "\r";
    keys += std::string(100, '\x10') + "\x01\x04\x04\x04\x04"
                                       "echo\r";
    std::string text = answers(keys);
    int oldest = std::stoi(text.substr(text.rfind('\a') == text.npos ? 0 : text.rfind('\a') + 1));
    EXPECT_GT(oldest, 20);
    EXPECT_LT(oldest, 30);
}

TEST_F(LineEditor, completes_commands) {
    EXPECT_EQ(type("vers\t\x15\r"), "=> version \b\b\b\b\b\b\b\b        \b\b\b\b\b\b\b\b\r\n=> \r\n");
    EXPECT_EQ(type("zzz\t\x03"), "=> zzz\a<INTERRUPT>\r\n=> \r\n");
    EXPECT_EQ(type("pri\t\x03"), "=> printenv <INTERRUPT>\r\n=> \r\n");
    EXPECT_EQ(type("true; vers\t\x03"), "=> true; version <INTERRUPT>\r\n=> \r\n");
    EXPECT_EQ(type("help vers\t\x03"), "=> help version <INTERRUPT>\r\n=> \r\n");
    EXPECT_EQ(type("virtio sc\t\x03"), "=> virtio scan <INTERRUPT>\r\n=> \r\n");
}

TEST_F(LineEditor, lists_what_is_possible) {
    EXPECT_EQ(type("fst\t\t\x03"), "=> fstype\r\n  fstype\r\n  fstypes\r\n=> fstype<INTERRUPT>\r\n=> \r\n");
    EXPECT_EQ(type("ext2\t\x03"), "=> ext2l<INTERRUPT>\r\n=> \r\n"); // what they have in common comes first
}

TEST_F(LineEditor, completes_variables) {
    run("setenv completes 1; setenv complex 2");
    EXPECT_EQ(type("echo $loa\t\r"), "=> echo $loadaddr \r\n40200000\r\n=> \r\n");
    EXPECT_EQ(type("echo x${loa\t\r"), "=> echo x${loadaddr}\r\nx40200000\r\n=> \r\n");
    EXPECT_EQ(type("printenv com\tt\t\r"), "=> printenv completes \r\ncompletes=1\r\n=> \r\n");
    EXPECT_EQ(type("echo com\t\x03"), "=> echo com\a<INTERRUPT>\r\n=> \r\n");
}

TEST_F(LineEditor, control_c_drops_the_line) {
    EXPECT_EQ(type("echo no\x03"
                   "echo yes\r"),
              "=> echo no<INTERRUPT>\r\n=> echo yes\r\nyes\r\n=> \r\n");
    EXPECT_EQ(type("if true; then\recho a\x03"
                   "echo $?\r"),
              "=> if true; then\r\n> echo a<INTERRUPT>\r\n=> echo $?\r\n1\r\n=> \r\n");
}

TEST_F(LineEditor, open_quotes_and_statements_ask_for_more) {
    EXPECT_EQ(type("echo 'a\rb'\r"), "=> echo 'a\r\n> b'\r\na\r\nb\r\n=> \r\n");
    EXPECT_EQ(type("true &&\recho c\r"), "=> true &&\r\n> echo c\r\nc\r\n=> \r\n");
    EXPECT_EQ(type("echo a\\\rb\r"), "=> echo a\\\r\n> b\r\nab\r\n=> \r\n");
    EXPECT_EQ(answers("for i in 1 2\rdo\recho $i\rdone\r"), "1\n2\n");
}

TEST_F(LineEditor, the_longest_line) {
    std::string word(4095 - 5, 'w');
    EXPECT_EQ(answers("echo " + word + "\r"), word + "\n");
    EXPECT_EQ(answers("echo " + word + "x\r"), "line over 4095 bytes: discarded\n");
    EXPECT_EQ(answers(std::string(100'000, 'y') + "\recho fine\r"),
              "line over 4095 bytes: discarded\nfine\n");
    EXPECT_EQ(answers(std::string(5000, 'z') + "\x03"
                                               "echo fine\r"),
              "fine\n");
    // Lines that belong together count as one.
    EXPECT_EQ(answers("echo '" + std::string(3000, 'a') + "\r" + std::string(3000, 'a') + "\recho fine\r"),
              "line over 4095 bytes: discarded\nfine\n");
}

TEST_F(LineEditor, a_burst_of_many_lines_loses_nothing) {
    std::string keys;
    std::string wanted;
    for (int i = 0; i < 1000; ++i) {
        keys += "echo line " + std::to_string(i) + (i % 3 == 0 ? "\r\n" : i % 3 == 1 ? "\n" : "\r");
        wanted += "line " + std::to_string(i) + "\n";
    }
    EXPECT_EQ(answers(keys), wanted);
}

TEST_F(LineEditor, output_of_a_paste_is_linear) {
    std::string word(4000, 'p');
    EXPECT_LT(type("echo " + word + "\x15\r").size(), 5u * 4000);
    // In the middle of a line: one redraw for each piece that arrives at once, not for each byte.
    EXPECT_LT(type("echo " + word.substr(2000) + "\x01" + word.substr(2001) + "\x15\r").size(), 30u * 4000);
}

TEST_F(LineEditor, typing_during_a_command_is_kept) {
    port.type_later(event::Duration::milli(500), "echo later\r\x04");
    EXPECT_EQ(type("sleep 1\r", ""), "=> sleep 1\r\n=> echo later\r\nlater\r\n=> \r\n");
}

// 64 bytes each, as they answer.
std::string echo_lines(usize count, usize first = 0) {
    std::string text;
    for (usize i = first; i < first + count; ++i) {
        std::string number = std::to_string(10000 + i) + " ";
        text += "echo " + number + std::string(64 - 6 - number.size(), 'x') + "\r";
    }
    return text;
}

TEST_F(LineEditor, input_that_does_not_fit_is_told_at_the_next_prompt) {
    port.type_later(event::Duration::seconds(5), "\x04");
    std::string text = lines(type("sleep 1\r" + echo_lines(2000), ""));
    std::smatch found;
    ASSERT_TRUE(std::regex_search(
        text, found,
        std::regex("\n\\[(\\d+) bytes of input were dropped: 64 KiB are kept while a command runs\\]\n=> ")));
    usize kept = 2000 * 64 - std::stoul(found[1]);
    EXPECT_GE(kept, 65536u);
    usize lines = 0;
    for (usize at = 0; (at = text.find("\n1", at)) != text.npos; ++at)
        ++lines;
    EXPECT_EQ(lines, kept / 64);
    EXPECT_NE(text.find("\n" + std::to_string(10000 + lines - 1) + " x"), text.npos);
    EXPECT_EQ(text.find("dropped", static_cast<usize>(found.position()) + 40), text.npos); // once
}

// A line that was cut is not run in part, also where its end comes when the command is over.
TEST_F(LineEditor, the_end_of_a_cut_line_is_no_line) {
    port.type_later(event::Duration::milli(1020), "echo half a line");
    port.type_later(event::Duration::milli(1090), " and more of it\recho whole\r\x04");
    std::string text = lines(type("sleep 1\r" + echo_lines(1087) + std::string(300, 'x'), ""));
    EXPECT_EQ(text.find("half"), text.npos);
    EXPECT_NE(text.find("\nwhole\n"), text.npos);
    EXPECT_EQ(text.find("Unknown command"), text.npos);
    // Where it does not come, what is typed is taken.
    port.type_later(event::Duration::milli(1300), "echo typed\r\x04");
    EXPECT_NE(lines(type("sleep 1\r" + std::string(80000, 'x'), "")).find("\ntyped\n"), text.npos);
}

// Lines that do not wait hold the sender up.
TEST_F(LineEditor, a_paste_of_any_length_loses_nothing_where_nothing_waits) {
    std::string text = answers(echo_lines(4000));
    EXPECT_EQ(std::ranges::count(text, '\n'), 4000);
    EXPECT_EQ(text.find("dropped"), text.npos);
}

// It was dead once 64 KiB had been typed.
TEST_F(LineEditor, control_c_behind_a_large_paste_ends_what_runs) {
    run("setenv l 'while true; do true; done'");
    for (std::string_view command :
         {"while true; do true; done", "sleep 1000000", "run l", "for i in 1; do run l; done",
          "time sleep 1000", "until false; do echo -n; done", "md.b 40000000 ffffff"}) {
        for (usize bytes : {72000, 200000}) {
            std::string text =
                lines(type(std::string(command) + "\r" + echo_lines(bytes / 64) + "\x03" + "echo end\r"));
            EXPECT_NE(text.find("\nend\n"), text.npos) << command;
            EXPECT_EQ(text.find("\n10000 x"), text.npos) << command;
        }
    }
}

TEST_F(LineEditor, control_c_behind_a_large_paste_where_nothing_waits) {
    std::string text = lines(type(echo_lines(900) + "\x03"
                                                    "echo end\r"));
    EXPECT_EQ(text.substr(0, 14), "=> echo 10000 ");
    EXPECT_NE(text.find("<INTERRUPT>\n=> echo end\nend\n"), text.npos);
    EXPECT_EQ(text.find("10001"), text.npos);
    // Behind more than fits: once it is no more than the buffer away.
    text = lines(type(echo_lines(3000) + "\x03"
                                         "echo end\r"));
    EXPECT_NE(text.find("<INTERRUPT>\n=> echo end\nend\n"), text.npos);
    EXPECT_EQ(text.find("\n" + std::to_string(10000 + 3000 - 1000)), text.npos);
}

TEST_F(LineEditor, control_c_between_the_commands_of_a_line) {
    port.type_after_looks(4, "\x03");
    EXPECT_EQ(run("echo 1; echo 2; echo 3; echo 4; echo 5; echo 6; echo 7"), "1\n2\n3\n<INTERRUPT>\n");
    EXPECT_EQ(status, 1);
}

TEST_F(LineEditor, an_empty_line_repeats_md_and_nothing_else) {
    EXPECT_EQ(answers("md.b 40000000 10\r\r"),
              "40000000: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................\n"
              "40000010: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................\n");
    EXPECT_EQ(answers("md.b 40000000 10\recho a\r\r"),
              "40000000: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................\na\n");
}

TEST_F(LineEditor, control_d_on_an_empty_line_leaves_with_the_last_status) {
    type("false\r");
    EXPECT_EQ(status, 1);
    type("true\r");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(type("exit 5\recho never\r"), "=> exit 5\r\n");
    EXPECT_EQ(status, 5);
}

TEST_F(LineEditor, control_d_does_not_leave_a_board) {
    context = std::make_unique<shell::Context>(services(), false);
    port.type_later(event::Duration::milli(500), "echo still here\r");
    hosted::schedule(600 * hosted::millisecond, [this] { context->exiting = true; });
    port.type_later(event::Duration::milli(700), "\r");
    EXPECT_NE(type("\x04\x04", "").find("\r\nstill here\r\n"), std::string::npos);
}

TEST_F(LineEditor, bytes_at_random_do_no_harm) {
    u32 seed = 7;
    std::string keys;
    for (int i = 0; i < 20'000; ++i) {
        seed = seed * 1664525 + 1013904223;
        char byte = static_cast<char>(seed >> 24);
        keys.push_back(byte == 0x04 ? 'd' : byte); // not the way out
        if (i % 97 == 0)
            keys += "\t";
    }
    type(keys + "\x03");
    EXPECT_EQ(answers("echo fine\r"), "fine\n");
}

TEST_F(LineEditor, control_r_searches_the_history) {
    EXPECT_EQ(answers("echo first one\recho second\recho other\r\x12"
                      "fir\r"),
              "first one\nsecond\nother\nfirst one\n");
    // Older ones with each further Ctrl-R; the same line again is passed over.
    EXPECT_EQ(answers("echo 1 x\rtrue\recho 1 x\rfalse\recho 2 x\r\x12x\x12\r"), "1 x\n1 x\n2 x\n1 x\n");
    // Any other key edits what was found.
    EXPECT_EQ(answers("echo ac\rtrue\r\x12ho a\x02"
                      "b\r"),
              "ac\nabc\n");
    EXPECT_EQ(answers("echo ac\rtrue\r\x12ho a\x1b[Db\r"), "ac\nabc\n");
    // Ctrl-G: as if nothing had been; the line that was being typed is there again, also below
    // what was found.
    EXPECT_EQ(answers("echo found\recho my\x12"
                      "fou\x07 own\r"),
              "found\nmy own\n");
    EXPECT_EQ(answers("echo found\recho mine\x12"
                      "fou\x01\x0e\r"),
              "found\nmine\n");
    // Typed later: in one burst with the command, Ctrl-C is meant for that.
    port.type_later(event::Duration::milli(10), "\x12"
                                                "found\x03"
                                                "echo next\r\x04");
    EXPECT_EQ(answers("echo found\r", ""), "found\nnext\n");
}

TEST_F(LineEditor, the_search_shows_what_it_has) {
    std::string back(21, '\b');
    EXPECT_EQ(type("echo abc\r\x12"
                   "b\x07\r"),
              "=> echo abc\r\nabc\r\n=> (search '') \b\b\bb') echo abc" + back + std::string(21, ' ') + back +
                  "\r\n=> \r\n");
    // What no line has rings, and is there to be corrected.
    EXPECT_EQ(type("\x12"
                   "b\x12\x07\r")
                      .find("\a") != std::string::npos,
              true);
    EXPECT_EQ(answers("echo abc\r\x12"
                      "abz\x7f\r"),
              "abc\nabc\n");
}

TEST_F(LineEditor, a_pattern_is_at_most_64_bytes_and_utf8) {
    EXPECT_EQ(answers("echo \xe2\x82\xac"
                      "5\rtrue\r\x12\xe2\x82\xacz\x7f\r"),
              "\xe2\x82\xac"
              "5\n\xe2\x82\xac"
              "5\n");
    std::string word(100, 'w');
    EXPECT_EQ(answers("echo " + word + "\r\x12" + std::string(70, 'w') + "\r"), word + "\n");
}

TEST_F(LineEditor, a_pasted_script_with_tabs_runs_as_it_stands) {
    EXPECT_EQ(answers("for i in 1 2\rdo\r\techo a $i\r\t\techo b\rdone\r"), "a 1\nb\na 2\nb\n");
    EXPECT_EQ(type("\techo a\r"), "=>  echo a\r\na\r\n=> \r\n");
    // A Tab that nothing follows asks for all commands.
    port.type_later(event::Duration::milli(500), "\x03\x04");
    EXPECT_NE(type("\t", "").find("  version\r\n"), std::string::npos);
}

TEST_F(LineEditor, a_character_that_arrives_in_pieces_is_shown_whole) {
    port.type_later(event::Duration::milli(100), "\x82");
    port.type_later(event::Duration::milli(200), "\xac");
    port.type_later(event::Duration::milli(300), "!\r\x04");
    EXPECT_EQ(type("echo ab\x02\xe2", ""), "=> echo ab\b\xe2\x82\xac"
                                           "b\b!b\b\r\na\xe2\x82\xac!b\r\n=> \r\n");
    // Bytes that are no UTF-8 are characters too.
    EXPECT_EQ(answers("echo \xe9t\xe9\x7f\x7f\xe8\x02x\r"), "\xe9x\xe8\n");
}

// Found by the fuzzer: the way back to the cursor was counted in more columns than the line has.
TEST_F(LineEditor, bytes_that_an_edit_joins_to_a_character_leave_the_cursor_behind_it) {
    EXPECT_EQ(answers("echo \xe2\x9c"
                      "a\x9b\x02\x7f\r"),
              "\xe2\x9c\x9b\n");
    EXPECT_EQ(type("\xe2\x9c"
                   "a\x9b\x02\x7f\x03"),
              "=> \xe2\x9c"
              "a\x9b\b\b\b\b\xe2\x9c\x9b   \b\b\b<INTERRUPT>\r\n=> \r\n");
}

TEST_F(LineEditor, a_letter_and_its_mark_are_one_step) {
    EXPECT_EQ(answers("echo e\xcc\x81x\x02\x02\x06y\r"), "e\xcc\x81yx\n");
}

TEST_F(LineEditor, recalling_a_line_without_a_mark_shows_the_letter_anew) {
    EXPECT_EQ(
        type("echo ex\recho e\xcc\x81x\r\x10\x10\r"),
        "=> echo ex\r\nex\r\n=> echo e\xcc\x81x\r\ne\xcc\x81x\r\n=> echo e\xcc\x81x\b\bex\r\nex\r\n=> \r\n");
}

TEST_F(LineEditor, wide_and_joining_characters_count_the_columns_that_they_take) {
    EXPECT_EQ(type("echo \xe4\xb8\x96\x7f\r"), "=> echo \xe4\xb8\x96\b\b  \b\b\r\n\r\n=> \r\n");
    EXPECT_EQ(type("echo e\xcc\x81x\x02\x7fy\r"), "=> echo e\xcc\x81x\b\bx \b\byx\b\r\nyx\r\n=> \r\n");
}

} // namespace
} // namespace vireo::test
