// SPDX-License-Identifier: Apache-2.0
// What the shell makes of text: words, quotes, variables, operators, statements.
#include "unit/shell/fixture.h"

namespace vireo::test {
namespace {

class Language : public ShellTest {};

TEST_F(Language, words_are_separated_by_any_blanks) {
    EXPECT_EQ(run("echo a   b\t c"), "a b c\n");
    EXPECT_EQ(run("   echo    "), "\n");
    EXPECT_EQ(run(""), "");
    EXPECT_EQ(run("  \t "), "");
}

TEST_F(Language, quotes_and_backslashes) {
    EXPECT_EQ(run("echo 'a  b' \"c  d\" e\\ \\ f"), "a  b c  d e  f\n");
    EXPECT_EQ(run("echo a'b'\"c\"d"), "abcd\n");
    EXPECT_EQ(run("echo '' \"\" x"), "  x\n");
    EXPECT_EQ(run(R"(echo 'a\b"c' "d'e\"f\\g\h" \'i)"), "a\\b\"c d'e\"f\\g\\h 'i\n");
    EXPECT_EQ(run("echo ';' \"&&\" \\| a\\;b '#' x#y"), "; && | a;b # x#y\n");
}

TEST_F(Language, comments) {
    EXPECT_EQ(run("echo a # b; echo c"), "a\n");
    EXPECT_EQ(run("# nothing"), "");
    EXPECT_EQ(run("echo a#b"), "a#b\n");
    EXPECT_EQ(run("# a 'comment\necho b"), "b\n");
}

TEST_F(Language, variables) {
    run("setenv x 'one  two'; setenv empty; setenv a_1 v");
    EXPECT_EQ(run("echo $x ${x}3 $a_1-$a_1"), "one two one two3 v-v\n");
    EXPECT_EQ(run("echo \"$x\" '$x' \\$x $ \"$\""), "one  two $x $x $ $\n");
    EXPECT_EQ(run("echo [$nothing] $nothing \"$nothing\""), "[] \n");
    EXPECT_EQ(run("echo 1$x"), "1one two\n");
    run("setenv odd.name- ok");
    EXPECT_EQ(run("echo ${odd.name-}"), "ok\n");
    run("setenv serial# 7");
    EXPECT_EQ(run("echo ${serial#} [${no-such.name}] [${eth#}]"), "7 [] []\n");
    EXPECT_EQ(run("echo ${x"), "syntax error: the text ends too early\n");
    EXPECT_EQ(status, 1);
}

TEST_F(Language, what_else_stands_in_braces_is_one_error_line_and_runs_nothing) {
    run("setenv x 1");
    for (std::string_view inside :
         {"",    " ",     "x y", ":-a", "=a", "x:",  "x:?a", "x:1", "x:0:1", "x=a", "x+a", "x?a", "#x",
          "x%1", "x/1/2", "!x",  "x,,", "x^", "x@Q", "x[0]", "?",   "'x'",   "$x",  "x;y", "x\ny"}) {
        EXPECT_EQ(run("echo a${" + std::string(inside) + "}b"),
                  "invalid argument: '${' wants a name and '}', or between them :-TEXT, :=TEXT or :+TEXT\n")
            << inside;
        EXPECT_EQ(status, 1) << inside;
    }
    // A variable that has such a name is meant.
    run("setenv x/1 slash");
    EXPECT_EQ(run("echo ${x/1}"), "slash\n");
}

TEST_F(Language, texts_for_variables_without_a_value) {
    run("setenv x 1; setenv e ''; setenv two 'a  b'");
    EXPECT_EQ(run("echo ${x:-text} ${u:-text} ${e:-text} [${u:-}]"), "1 text text []\n");
    EXPECT_EQ(run("echo \"${u:-a  b}\" ${u:-a  b} ${u:-'a  b'} ${u:-\"a  b\"}"), "a  b a b a  b a  b\n");
    EXPECT_EQ(run("echo ${u:-a;b && c} ${u:-a\\}b} ${u:-a}b} ${u:-'}'}"), "a;b && c a}b ab} }\n");
    EXPECT_EQ(run("echo ${u:-$x} ${u:-${x}2} \"${u:-$two}\" ${u:-\"$two\"} ${u:-$two}"),
              "1 12 a  b a  b a b\n");
    EXPECT_EQ(run("echo ${x:+alt} [${u:+alt}] [${e:+alt}]"), "alt [] []\n");
    EXPECT_EQ(run("echo ${x:-${u:-${u:-never}}}${u:-${u:-deep}}"), "1deep\n");
    EXPECT_EQ(run("y=${u:-a b}; echo \"$y\""), "a b\n");
    EXPECT_EQ(run("for i in ${u:-a b \"c d\"}; do echo $i; done"), "a\nb\nc\nd\n");
    EXPECT_EQ(run("echo ${u:-a\nb}"), "a b\n");
}

TEST_F(Language, a_text_becomes_the_value) {
    EXPECT_EQ(run("echo [${u:=tt}] [$u]; showvar u; printenv u"),
              "[tt] [tt]\nu=tt\n## Error: \"u\" not defined\n");
    EXPECT_EQ(run("u=; echo ${u:=a  b}; echo \"$u\""), "a b\na  b\n");
    EXPECT_EQ(run("u=1; echo ${u:=2}; echo $u"), "1\n1\n");
    EXPECT_EQ(run("echo x${v:=${w:=in}side}y $v $w"), "xinsidey inside in\n");
    EXPECT_EQ(run("if false; then echo ${n:=1}; fi; echo [$n]"), "[]\n"); // what is not run assigns nothing
}

TEST_F(Language, braces_inside_braces_are_bounded) {
    EXPECT_EQ(run("echo ${a:-${a:-${a:-${a:-4}}}}"), "4\n");
    EXPECT_EQ(run("echo ${a:-${a:-${a:-${a:-${a:-5}}}}}"),
              "syntax error: '${' stands inside too many of its kind\n");
    EXPECT_EQ(run("for i in ${a:-${a:-${a:-${a:-${a:-5}}}}}; do echo; done"),
              "syntax error: '${' stands inside too many of its kind\n");
}

TEST_F(Language, values_are_not_read_again_as_commands) {
    run("setenv x 'a; echo b && c # \"'");
    EXPECT_EQ(run("echo $x"), "a; echo b && c # \"\n");
}

TEST_F(Language, status) {
    EXPECT_EQ(run("false; echo $?; echo $?"), "1\n0\n");
    EXPECT_EQ(run("true; echo $?"), "0\n");
    run("false");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("echo $?"), "1\n");
}

TEST_F(Language, operators) {
    EXPECT_EQ(run("true && echo yes || echo no"), "yes\n");
    EXPECT_EQ(run("false && echo yes || echo no"), "no\n");
    EXPECT_EQ(run("true || echo a && echo b"), "b\n");
    EXPECT_EQ(run("false && echo a; echo b"), "b\n");
    EXPECT_EQ(run("false || false || echo c"), "c\n");
    EXPECT_EQ(run("true&&echo d;echo e"), "d\ne\n");
    EXPECT_EQ(run("false && false || false"), "");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("echo a\necho b\n\n;echo c;"), "a\nb\nc\n");
}

TEST_F(Language, syntax_errors_run_nothing) {
    for (std::string_view wrong : {
             "echo a | cat",
             "echo a &",
             "echo a; | b",
             "echo `x`",
             "echo $(x)",
             "then echo",
             "fi",
             "done",
             "if true; do echo; fi",
             "for 1x in a; do echo; done",
             "for x of a; do echo; done",
             "if true; then echo a; else echo b; else echo c; fi",
             "if true; then echo a; fi echo b",
             "while true; then",
         }) {
        std::string text = run(wrong);
        EXPECT_EQ(text.rfind("syntax error: ", 0), 0u) << wrong << ": " << text;
        EXPECT_EQ(std::ranges::count(text, '\n'), 1) << wrong;
        EXPECT_EQ(status, 1) << wrong;
    }
}

TEST_F(Language, text_that_ends_too_early) {
    for (std::string_view part :
         {"echo ${a", "echo ${a:-b", "echo \"${a}", "for i in ${a", "x=${a:-'}", "echo 'a", "echo \"a",
          "echo a\\", "if true; then echo a", "while true", "for x", "for x in a b", "true &&", "false ||",
          "if true; then while false; do echo; done"})
        EXPECT_EQ(run(part), "syntax error: the text ends too early\n") << part;
}

TEST_F(Language, unknown_commands) {
    EXPECT_EQ(run("nosuch a b"), "Unknown command 'nosuch' - try 'help'\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("'no such'"), "Unknown command 'no such' - try 'help'\n");
    EXPECT_EQ(run("\"\""), "Unknown command '' - try 'help'\n");
    EXPECT_EQ(run("$nothing"), "");
    EXPECT_EQ(run("echo.b x"), "Unknown command 'echo.b' - try 'help'\n");
}

TEST_F(Language, an_unambiguous_start_of_a_name_will_do) {
    EXPECT_EQ(run("vers"), run("version"));
    EXPECT_EQ(run("ex"), "Unknown command 'ex' - try 'help'\n"); // exit, ext4ls, ...
}

TEST_F(Language, sixty_four_words_and_no_more) {
    std::string line = "echo";
    for (int i = 0; i < 63; ++i)
        line += " w";
    EXPECT_EQ(run(line).size(), 63u * 2);
    EXPECT_EQ(run(line + " w"), "too large: more than 64 words\n");
    EXPECT_EQ(status, 1);
}

TEST_F(Language, a_command_that_is_too_long_with_its_variables) {
    run("setenv a " + std::string(2000, 'x'));
    EXPECT_EQ(run("echo $a$a$a$a$a$a$a$a").size(), 16001u);
    EXPECT_EQ(run("echo $a$a$a$a$a$a$a$a$a"), "too large: command line too long with its variables\n");
}

TEST_F(Language, shell_variables) {
    EXPECT_EQ(run("foo='a  b'; echo \"$foo\" ${foo}"), "a  b a b\n");
    EXPECT_EQ(run("showvar"), "foo=a  b\n");
    EXPECT_EQ(run("printenv foo"), "## Error: \"foo\" not defined\n");
    EXPECT_EQ(run("foo=; showvar; echo [$foo]"), "foo=\n[]\n");
    EXPECT_EQ(run("a=1 b=$foo c=3; echo $a$b$c"), "13\n");
    EXPECT_EQ(run("echo foo=bar"), "foo=bar\n");
    EXPECT_EQ(run("foo=; showvar foo"), "foo=\n");
}

// As in U-Boot: `$name` prefers the environment, so both agree about what is seen.
TEST_F(Language, assignments_never_write_the_environment) {
    EXPECT_EQ(run("setenv e 1; e=2; printenv e; echo $e; showvar e"), "e=1\n1\ne=2\n");
    EXPECT_EQ(run("for e in x y; do echo $e; done; printenv e"), "1\n1\ne=1\n");
    EXPECT_EQ(run("setenv e; echo $e"), "y\n");
    // The environment's checks cannot be gone around.
    EXPECT_EQ(run("ipaddr=zz; ethaddr=1; loadaddr=; printenv ipaddr; printenv ethaddr; printenv loadaddr"),
              "## Error: \"ipaddr\" not defined\n## Error: \"ethaddr\" not defined\nloadaddr=40200000\n");
}

TEST_F(Language, an_assignment_before_a_command) {
    EXPECT_EQ(run("a=b echo hi $a; echo $a"), "hi b\nb\n");
    EXPECT_EQ(run("q=1 r=$q$q echo $r c=d"), "11 c=d\n");
    EXPECT_EQ(run("a=1 false; echo $? $a"), "1 1\n");
    EXPECT_EQ(run("if a=2 test $a = 2; then echo yes; fi"), "yes\n");
    EXPECT_EQ(run("false; a=3; echo $?"), "0\n");
    EXPECT_EQ(run("false && a=4 echo no; echo $a"), "3\n");
    EXPECT_EQ(run("a=${b%c} echo never; echo $?").substr(0, 17), "invalid argument:");
    EXPECT_EQ(run("setenv s 'echo [$a]'; a=5 run s"), "[5]\n");
}

// What U-Boot's parser takes, with its meaning: ';' ends a chain, and an operator without a
// command before it is none.
TEST_F(Language, separators_and_operators_without_a_command) {
    EXPECT_EQ(run("echo a;; echo b"), "a\nb\n");
    EXPECT_EQ(run("if true; then echo a;; fi;"), "a\n");
    EXPECT_EQ(run("true; && echo y"), "y\n");
    EXPECT_EQ(run("false; && echo y"), "y\n");
    EXPECT_EQ(run("true; || echo z"), "z\n");
    EXPECT_EQ(run("if true; && true; then echo x; fi"), "x\n");
    EXPECT_EQ(run("true ;; && echo w"), "w\n");
    EXPECT_EQ(run("; echo s;; echo t;"), "s\nt\n");
    EXPECT_EQ(run("&& echo and"), "and\n");
    EXPECT_EQ(run("false && ; echo t"), "t\n");
    EXPECT_EQ(run("true || && echo x"), "");
    EXPECT_EQ(run("false || || echo x"), "x\n");
    EXPECT_EQ(run("for i in a b;; do ; echo $i;; done; && echo c"), "a\nb\nc\n");
    EXPECT_EQ(run("if true;; then && echo a; else ; echo b; fi"), "a\n");
    EXPECT_EQ(run("setenv r 'true;; echo in; && echo on'; run r"), "in\non\n");
}

TEST_F(Language, if_statements) {
    EXPECT_EQ(run("if true; then echo a; else echo b; fi"), "a\n");
    EXPECT_EQ(run("if false; then echo a; else echo b; fi"), "b\n");
    EXPECT_EQ(run("if false; then echo a; elif true; then echo b; else echo c; fi"), "b\n");
    EXPECT_EQ(run("if false; then echo a; elif false; then echo b; else echo c; fi; echo d"), "c\nd\n");
    EXPECT_EQ(run("if true\nthen\necho a\nelif nosuch\nthen echo b\nfi"), "a\n");
    EXPECT_EQ(run("if if true; then false; fi; then echo a; else echo b; fi"), "b\n");
    EXPECT_EQ(run("if true; then if false; then echo a; fi; echo b; fi && echo c"), "b\nc\n");
    EXPECT_EQ(run("false; if false; then true; fi; echo $?"), "0\n");
    EXPECT_EQ(run("if true; then false; fi; echo $?"), "1\n");
    EXPECT_EQ(run("false && if true; then echo a; fi; echo $?"), "1\n");
    EXPECT_EQ(run("if true && false || true; then echo a; fi"), "a\n");
}

TEST_F(Language, loops) {
    EXPECT_EQ(run("for i in a 'b c' d; do echo \"<$i>\"; done"), "<a>\n<b>\n<c>\n<d>\n");
    EXPECT_EQ(run("for i in; do echo x; done; echo end"), "end\n");
    run("setenv list '1 2'");
    EXPECT_EQ(run("for i in $list 3; do for j in x y; do echo $i$j; done; done"), "1x\n1y\n2x\n2y\n3x\n3y\n");
    EXPECT_EQ(run("for i in a b; do if test $i = b; then echo $i; fi; done"), "b\n");
    EXPECT_EQ(run("n=; while test \"$n\" != xxx; do n=x$n; echo $n; done; echo $?"), "x\nxx\nxxx\n0\n");
    EXPECT_EQ(run("n=; until test \"$n\" = xx; do n=x$n; done; echo $n"), "xx\n");
    EXPECT_EQ(run("while false; do echo a; done; echo $?"), "0\n");
    EXPECT_EQ(run("if false; then while true; do echo a; done; for i in b; do echo c; done; fi"), "");
    EXPECT_EQ(run("for i in a b\ndo\n echo $i # x\ndone"), "a\nb\n");
}

// The list is expanded, loses its quotes, and every word of it is split at blanks.
TEST_F(Language, for_splits_quoted_words) {
    run("setenv o 'A B'; setenv odd ' x\t\ty  '");
    for (auto [list, items] : {std::pair{"\"$o\"", "<A><B>"},
                               {"\"a b\"c d", "<a><bc><d>"},
                               {"'a b'", "<a><b>"},
                               {"a\\ b", "<a><b>"},
                               {"a\" \"b", "<a><b>"},
                               {"\"a   b\"", "<a><b>"},
                               {"''", ""},
                               {"\"$unset\" '' $unset", ""},
                               {"'' x \"\"", "<x>"},
                               {"' '", ""},
                               {"\"a;b\" 'c&&d'", "<a;b><c&&d>"},
                               {"\"$odd\"z", "<x><y><z>"},
                               {"$odd", "<x><y>"},
                               {"'a\nb'", "<a><b>"},
                               {"${unset:-\"p q\"}", "<p><q>"}})
        EXPECT_EQ(run("for i in " + std::string(list) + "; do echo -n \"<$i>\"; done"), items) << list;
    EXPECT_EQ(run("for i in \"$o\"; do for j in \"$i 1\" ''; do echo $j; done; done"), "A\n1\nB\n1\n");
    EXPECT_EQ(run("setenv s 'for i in \"$o\"; do echo s$i; done'; run s"), "sA\nsB\n");
    EXPECT_EQ(run("for i in \"$o\"; do true; done; echo $i"), "B\n");
}

TEST_F(Language, for_takes_more_words_than_a_command_does) {
    std::string list;
    for (int i = 0; i < 300; ++i)
        list += " 'w w'";
    EXPECT_EQ(run("for i in" + list + "; do echo -n $i; done").size(), 600u);
    run("setenv a " + std::string(9000, 'x'));
    EXPECT_EQ(run("for i in $a $a; do echo $i; done; echo $?"),
              "too large: command line too long with its variables\n1\n");
}

TEST_F(Language, nesting_is_bounded) {
    std::string line;
    for (int i = 0; i < 17; ++i)
        line += "if true; then ";
    EXPECT_EQ(run(line), "syntax error: statements are nested too deeply\n");
    run("setenv r 'run r'");
    EXPECT_EQ(run("run r"), "'run' is nested too deeply\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("echo fine"), "fine\n");
}

TEST_F(Language, exit_leaves_a_script) {
    run("setenv s 'echo a; exit 7; echo b'");
    EXPECT_EQ(run("run s; echo $?"), "a\n7\n");
    EXPECT_EQ(run("for i in 1 2; do run s; done"), "a\na\n");
    EXPECT_EQ(run("exit x"), "'x': not a number (decimal)\n");
}

TEST_F(Language, exit_at_the_prompt_of_firmware_is_refused) {
    context.reset();
    context = std::make_unique<shell::Context>(services());
    EXPECT_EQ(run("exit 3; echo $?"), "exit not allowed from main input shell.\n3\n");
}

TEST_F(Language, control_c_ends_a_loop_that_waits_for_nothing) {
    port.type_after_looks(1000, "\x03");
    EXPECT_EQ(run("while true; do true; done; echo never"), "<INTERRUPT>\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("echo fine"), "fine\n");
}

TEST_F(Language, control_c_ends_nested_runs_and_says_so_once) {
    run("setenv a 'while true; do run b; done'; setenv b 'while true; do true; done'");
    port.type_after_looks(1000, "\x03");
    EXPECT_EQ(run("run a; echo never"), "<INTERRUPT>\n");
}

// Bytes at random: an answer, no crash, no hang.
TEST_F(Language, any_text_ends) {
    constexpr std::string_view pieces[] = {
        "if ",   "then ",        "else ",       "elif ", "fi ",    "for ", "x ",    "in ",
        "${y:-", "${x:=",        "${y:+",       "b=",    ";;",     "do ",  "done ", ";",
        "&&",    "||",           "\n",          "'",     "\"",     "\\",   "$",     "{",
        "}",     "x=1 ",         "echo ",       "true",  "false ", "#",    "$x",    "${x}",
        "$?",    "while false ", "until true ", "\xff",  " "};
    u32 seed = 1;
    for (int round = 0; round < 3000; ++round) {
        std::string line;
        for (u32 count = round % 30; count > 0; --count) {
            seed = seed * 1664525 + 1013904223;
            line += pieces[(seed >> 16) % std::size(pieces)];
        }
        port.type_after_looks(2000, "\x03");
        run(line);
    }
    EXPECT_EQ(run("echo fine"), "fine\n");
}

} // namespace
} // namespace vireo::test
