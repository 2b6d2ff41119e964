// SPDX-License-Identifier: Apache-2.0
// What terminals send besides text: keys, answers, and what is cut off.
#include "unit/shell/fixture.h"

namespace vireo::test {
namespace {

class Sequences : public ShellTest {
  protected:
    // What `echo "..."` prints that was typed with these keys in it, and then Enter.
    std::string echoed(std::string_view keys) {
        std::string text = lines(type("echo [" + std::string(keys) + "]\r"));
        usize start = text.find("\n[");
        return start == text.npos ? text : text.substr(start + 1, text.find('\n', start + 1) - start - 1);
    }
    static constexpr auto pause = event::Duration::milli(300);
};

TEST_F(Sequences, the_linux_consoles_function_keys_are_three_bytes) {
    for (std::string_view key : {"A", "B", "C", "D", "E"})
        EXPECT_EQ(echoed("x\x1b[[" + std::string(key) + "y"), "[xy]") << key;
}

TEST_F(Sequences, answers_of_terminals_are_no_input) {
    const std::string_view answers[] = {
        "\x1b[24;80R",
        "\x1b[?1;2c",
        "\x1b[>41;354;0c",
        "\x1b[0n",
        "\x1b[8;24;80t",
        "\x1b[?2026;2$y",
        "\x1b[I\x1b[O",
        "\x1b[<0;10;20M",
        "\x1b[M !!",
        "\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
        "\x1b]11;rgb:1e1e/1e1e/1e1e\x1b\\",
        "\x1b]lA title with UTF-8: \xe2\x9c\x9c, \xc3\x9c\x1b\\",
        "\x1bP>|XTerm(390)\x1b\\",
        "\x1bP1+r524742=8\x1b\\",
        "\x1b_Gi=31;OK\x1b\\",
        "\x1b^private\x1b\\",
        "\x1bXstring\x1b\\",
        "\x1bOP\x1bOj",
        "\x1bO1;5P",
        "\x1b[1;5P\x1b[200;300;400;500;600;700;800z",
        "\x1b]cancelled\x18",
        "\x1bPsubstituted\x1a",
        "\x1b]0;broken off by the next one\x1b[24;80R",
    };
    for (std::string_view answer : answers)
        EXPECT_EQ(echoed("x" + std::string(answer) + "y"), "[xy]") << answer.substr(1);
}

TEST_F(Sequences, single_bytes_begin_them_too) {
    for (std::string_view utf_8 : {"", "\xc2"}) {
        auto with = [&](char start, std::string_view rest) {
            return "x" + std::string(utf_8) + start + std::string(rest) + "y";
        };
        EXPECT_EQ(echoed(with('\x9b', "24;80R")), "[xy]");
        EXPECT_EQ(echoed(with('\x9b', "[A")), "[xy]");
        EXPECT_EQ(echoed(with('\x8f', "P")), "[xy]");
        EXPECT_EQ(echoed(with('\x9d', "11;rgb:0/0/0\x07")), "[xy]");
        for (char start : {'\x90', '\x98', '\x9d', '\x9e', '\x9f'}) {
            EXPECT_EQ(echoed(with(start, "text \xe2\x9c\x9c\x9c")), "[xy]");
            EXPECT_EQ(echoed(with(start, "text\xc2\x9c")), "[xy]");
            EXPECT_EQ(echoed(with(start, "text\x1b\\")), "[xy]");
        }
        EXPECT_EQ(echoed("ab" + std::string(utf_8) +
                         "\x9b"
                         "Dc"),
                  "[ac]b"); // a key
    }
}

// They are also letters of other encodings, and parts of characters.
TEST_F(Sequences, single_bytes_with_nothing_behind_them_are_text) {
    EXPECT_EQ(echoed("\xe2\x9b\x84\xe4\xb8\x9d\xc3\x9f\xf0\x9f\x98\x8f"),
              "[\xe2\x9b\x84\xe4\xb8\x9d\xc3\x9f\xf0\x9f\x98\x8f]");
    EXPECT_EQ(echoed("x\x9b\xc3\xa9"), "[x\x9b\xc3\xa9]");
    EXPECT_EQ(echoed("x\xc2\x9b\x05"), "[x\xc2\x9b]");
    EXPECT_EQ(lines(type("echo a\x9b\recho b\x8f\r")), "=> echo a\x9b\na\x9b\n=> echo b\x8f\nb\x8f\n=> \n");
}

TEST_F(Sequences, what_cannot_belong_to_one_stands_for_itself) {
    EXPECT_EQ(echoed("x\x1b[1;\xe4\xb8\x96y"), "[x\xe4\xb8\x96y]");
    EXPECT_EQ(echoed("ab\x1b[1;\x02x"), "[ax]b");
    EXPECT_EQ(echoed("ab\x1b]title\x02x"), "[ax]b");
    EXPECT_EQ(echoed("ab\x1b\x02x"), "[ax]b");
    EXPECT_EQ(echoed("ab\x1b[M !\x02x"), "[ax]b");
    EXPECT_EQ(echoed("x\x1by\x1b\x1bz"), "[xyz]"); // Alt and a letter
}

// A line end always ends a line, Ctrl-C always drops it.
TEST_F(Sequences, one_that_is_cut_off_does_not_outlive_its_line) {
    for (std::string_view start : {"\x1b", "\x1b[", "\x1b[1;2", "\x1b[[", "\x1b[M", "\x1bO", "\x1b]",
                                   "\x1bP1", "\x1b]x\x1b", "\x1b_", "\x9b", "\x9d",
                                   "\xc2\x9d"
                                   "x"}) {
        EXPECT_NE(lines(type("true " + std::string(start) + "\recho next\r")).find("\nnext\n"),
                  std::string::npos)
            << start;
        EXPECT_NE(lines(type("true " + std::string(start) +
                             "\x03"
                             "echo next\r"))
                      .find("\nnext\n"),
                  std::string::npos)
            << start;
    }
}

// The bytes of a sequence come at once: what comes later was typed by somebody.
TEST_F(Sequences, one_that_is_cut_off_ends_by_itself) {
    for (std::string_view start :
         {"\x1b", "\x1b[", "\x1b[1;2", "\x1b[[", "\x1b[M", "\x1bO", "\x1b]", "\x1bP1", "\x1b]x\x1b", "\x1b_",
          "\xc2\x9d"
          "x"}) {
        port.type_later(pause, "echo A-\x1b");
        port.type_later(event::Duration::milli(900), "B\r\x04");
        EXPECT_NE(lines(type(start, "")).find("\nA-B\n"), std::string::npos) << start;
    }
    // But not within one: terminals answer over slow lines too.
    port.type_later(event::Duration::milli(200), "4;8");
    port.type_later(event::Duration::milli(400), "0Rx\r\x04");
    EXPECT_NE(lines(type("echo \x1b[2", "")).find("\nx\n"), std::string::npos);
}

TEST_F(Sequences, one_without_an_end_takes_no_memory) {
    EXPECT_NE(lines(type("true \x1b]" + std::string(100000, 'x') + "\recho next\r")).find("\nnext\n"),
              std::string::npos);
    EXPECT_EQ(echoed("x\x1b[" + std::string(100000, '1') + "~y"), "[xy]");
    EXPECT_EQ(echoed("ab\x1b[" + std::string(100000, ';') + "Dx"), "[ax]b");
}

TEST_F(Sequences, late_answers_are_no_input_while_something_is_looked_for) {
    std::string text = lines(type("echo found\recho other\r\x12"
                                  "fou\x1b]11;rgb:0/0/0\x07\x1b[?1;2c\r"));
    usize first = text.find("\nfound\n");
    EXPECT_NE(text.find("\nfound\n", first + 1), std::string::npos);
}

TEST_F(Sequences, what_is_pasted_between_marks_is_text) {
    EXPECT_EQ(echoed("\x1b[200~x\x1b[201~y"), "[xy]");
    EXPECT_EQ(lines(type("\x1b[200~echo a\tb\x1b[201~\r")).substr(0, 15), "=> echo a b\na b");
    // The mark for the end may get lost: a Tab that comes later is a key again.
    port.type_later(pause, "\t\r\x04");
    EXPECT_NE(type("\x1b[200~vers", "").find("=> version \r\n"), std::string::npos);
}

} // namespace
} // namespace vireo::test
