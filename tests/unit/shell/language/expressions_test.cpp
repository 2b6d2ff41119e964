// SPDX-License-Identifier: Apache-2.0
// Conditions and calculations: test, itest, setexpr.
#include "unit/shell/fixture.h"

namespace vireo::test {
namespace {

class Expressions : public ShellTest {};

TEST_F(Expressions, test) {
    for (std::string_view holds : {"a = a",
                                   "a != b",
                                   "a < b",
                                   "b > a",
                                   "-n x",
                                   "-z ''",
                                   "x",
                                   "1 -eq 1",
                                   "1 -eq 0x1",
                                   "2 -gt 1",
                                   "-1 -lt 1",
                                   "1 -le 1",
                                   "1 -ge 1",
                                   "1 -ne 2",
                                   "! a = b",
                                   "! -n ''",
                                   "a = a -a b = b",
                                   "a = b -o b = b",
                                   "! ! x",
                                   "a = b -a a = b -o a = a",
                                   "a = b -o a = a -a a = a",
                                   "banana =~ ^b(an)+a$",
                                   "-z",
                                   "-z -a x = x",
                                   "-n -o x = x",
                                   "! = !",
                                   "12abc -eq 12",
                                   "'' -eq 0",
                                   "abc -eq 0",
                                   "-n = -n"}) {
        run("test " + std::string(holds));
        EXPECT_EQ(status, 0) << holds;
        run("test ! " + std::string(holds));
        run("[ " + std::string(holds) + " ]");
        EXPECT_EQ(status, 0) << holds;
    }
    for (std::string_view fails :
         {"", "a = b", "''", "-n ''", "1 -eq 2", "a = a -a a = b", "! x", "-n", "-n -a x = x", "! -z",
          "a = a -o a = a -a a = b", "banana =~ ^a", "! = x"}) {
        run("test " + std::string(fails));
        EXPECT_EQ(status, 1) << fails;
    }
    EXPECT_EQ(run("[ a = a"), "[: ']' is missing\n");
    EXPECT_EQ(run("test 1f40 -lt 4096"),
              "test: '1f40' is taken for 1 (numbers are decimal, or 0x and hexadecimal)\n");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("test a =~ '('; echo $?"), "(: invalid argument ('(' without ')')\n1\n");
    for (std::string_view wrong :
         {"a = a -a", "a b", "a = a b", "= yes", "-eq 1", "a = b -o", "-e virtio 0", "!= x"}) {
        std::string line = "test " + std::string(wrong);
        EXPECT_EQ(run(line),
                  "test: not a condition: " + std::string(wrong) + " (quote variables that may be empty)\n");
        EXPECT_EQ(status, 1) << wrong;
    }
}

TEST_F(Expressions, test_of_a_variable_that_is_not_set) {
    EXPECT_EQ(run("if test -n $u; then echo SET; else echo UNSET; fi"), "UNSET\n");
    EXPECT_EQ(run("test -n ${u} && echo SET"), "");
    EXPECT_EQ(run("test ! -n $u && echo UNSET"), "UNSET\n");
    EXPECT_EQ(run("test -z $u && echo UNSET"), "UNSET\n");
    EXPECT_EQ(run("[ -n $u ] || echo UNSET"), "UNSET\n");
    EXPECT_EQ(run("if test $u = yes; then echo YES; else echo NO; fi"),
              "test: not a condition: = yes (quote variables that may be empty)\nNO\n");
    EXPECT_EQ(run("if itest $u -gt 0; then echo YES; else echo NO; fi"),
              "itest: wants VALUE RELATION VALUE; a word is missing, or one too many (an empty variable "
              "without quotes is none)\n"
              "NO\n");
    run("setenv u x");
    EXPECT_EQ(run("test -n $u && echo SET"), "SET\n");
}

TEST_F(Expressions, setexpr_replaces_what_a_pattern_matches) {
    EXPECT_EQ(run("setexpr b gsub a x banana; printenv b"), "b=bxnxnx\nb=bxnxnx\n");
    EXPECT_EQ(run("setexpr b sub a x banana; echo $?"), "b=bxnana\n0\n");
    EXPECT_EQ(run("setexpr b gsub q x banana; echo $? $b"), "banana: No match\n1 bxnana\n");
    EXPECT_EQ(run("setexpr b gsub n -"), "b=bx-a-a\n");
    EXPECT_EQ(run("setexpr nosuch gsub n -; echo $?"), "## Error: variable \"nosuch\" not defined\n1\n");
    EXPECT_EQ(run("setexpr b sub '(a)(n)' '<\\2\\1\\0>' banana"), "b=b<naan>ana\n");
    EXPECT_EQ(run("setexpr b gsub '(x)|(a)' '[\\1]' xa"), "b=[x][]\n");
    EXPECT_EQ(run("setexpr b gsub a '\\\\\\.' aa"), "b=\\\\.\\\\.\n");
    EXPECT_EQ(run("setexpr b sub a '\\1' a; echo $?"), "'\\1': the pattern has no group 1\n1\n");
    EXPECT_EQ(run("setexpr b sub '(' x a; echo $?"), "(: invalid argument ('(' without ')')\n1\n");
    EXPECT_EQ(run("setexpr b gsub '^a' x aaa"), "b=xaa\n");
    // Empty matches: between the letters, but not directly behind another match.
    EXPECT_EQ(run("setexpr b gsub 'x*' - abc"), "b=-a-b-c-\n");
    EXPECT_EQ(run("setexpr b gsub 'a*' - baac"), "b=-b-c-\n");
    EXPECT_EQ(run("setexpr b gsub '' - ''"), "b=-\n");
    EXPECT_EQ(run("setexpr b gsub '$' ! ab"), "b=ab!\n");
    EXPECT_EQ(run("setexpr b gsub a '' aaa; env exists b; echo $?"), "b=\n1\n");
    EXPECT_EQ(run("setexpr b gsub ' ' _ 'a b c'"), "b=a_b_c\n");
    // Names of U-Boot's own tests: a replacement that contains the pattern is not replaced again.
    EXPECT_EQ(run("setexpr b gsub is 'is it' 'this is'"), "b=this it is it\n");
}

TEST_F(Expressions, a_replacement_that_grows_too_long_is_refused) {
    run("setenv long " + std::string(8000, 'a'));
    EXPECT_EQ(run("setexpr long gsub a bb").size(), 16000u + 6);
    EXPECT_EQ(run("setexpr long gsub b ccc; echo $?"),
              "setexpr: too large (the text would be over 16384 bytes)\n1\n");
    EXPECT_EQ(context->environment.get("long")->substr(0, 4), "bbbb");
    run("setenv most " + std::string(16000, 'a'));
    EXPECT_EQ(run("setexpr most sub '$' " + std::string(384, 'b')).size(), 16384u + 6);
    EXPECT_EQ(run("setenv x y; setexpr x sub '$' z; setexpr most sub '$' z"),
              "x=yz\nsetexpr: too large (the text would be over 16384 bytes)\n");
}

// Each search may have to look at the whole rest: the bound ends it.
TEST_F(Expressions, many_searches_are_bounded_together) {
    run("setenv long " + std::string(15000, 'a'));
    EXPECT_EQ(run("setexpr long gsub 'a.*b|a' x; echo $?"),
              "setexpr: too large (the pattern takes too long on this text)\n1\n");
}

TEST_F(Expressions, setexpr_with_texts) {
    EXPECT_EQ(run("setexpr.s c a + b; echo $? $c"), "0 ab\n");
    EXPECT_EQ(run("setexpr.s c 'x y'; echo $c"), "x y\n");
    EXPECT_EQ(run("setexpr.s c a - b; echo $?"), "'-': texts know '+' only\n1\n");
    EXPECT_EQ(run("mw.l 40000000 6c6c6568; mw.l 40000004 6f; setexpr.s c *40000000 + !; echo $c"),
              "hello!\n");
    EXPECT_EQ(run("setexpr.s c *0; echo $?"), "0x00000000..0x00000fff is not in RAM\n1\n");
    EXPECT_EQ(run("mw.b 40001000 61 8000; setexpr.s c *40001000; echo $?"),
              "setexpr: too large (the text would be over 16384 bytes)\n1\n");
    EXPECT_EQ(run("md.s 40000000"), "Unknown command 'md.s' - try 'help'\n");
    for (std::string_view holds :
         {"a == a", "a != b", "a <> b", "a < b", "abc -lt abd", "b >= a", "'x y' == 'x y'", "10 != 0x10"}) {
        run("itest.s " + std::string(holds));
        EXPECT_EQ(status, 0) << holds;
    }
    for (std::string_view fails : {"a == b", "a -gt b", "a >= b", "'' != ''"}) {
        EXPECT_EQ(run("itest.s " + std::string(fails)), "");
        EXPECT_EQ(status, 1) << fails;
    }
}

TEST_F(Expressions, setexpr_formats) {
    for (auto [words, result] :
         {std::pair{"%d 0xff", "255"},
          {"0x%04x 257", "0x0257"},
          {"%%%o 8", "%10"},
          {"%%%x%% ff", "%ff%"},
          {"%d_%x 100", "256_0"},
          {"'%08x|%-4d|%4d|%+d|% d|%#x|%X' eff 5 5 5 5 63 ab", "00000eff|5   |   5|+5| 5|0x63|AB"},
          {"%u ffffffffffffffff", "18446744073709551615"},
          {"%d 7fffffffffffffff", "9223372036854775807"},
          {"%d 8000000000000000", "-9223372036854775808"},
          {"%d ffffffffffffffff", "-1"},
          {"%d -4", "-4"},
          {"%d +5", "5"},
          {"%x -2", "fffffffffffffffe"},
          {"%04d -4", "-004"},
          {"%.3d 5", "005"},
          {"%6.3d 5", "   005"},
          {"%*d 4 5", "   5"},
          {"%lld 5", "5"},
          {"%s-%5s-%-5s-%.2s 'a b' c d efg", "a b-    c-d    -ef"},
          {"%c%c xyz u", "xu"},
          {"'a\\040b\\\\c\\tx'", "a b\\c\tx"},
          {"%b '\\0137x'", "_x"},
          {"'hello%bworld' '\\c'", "hello"},
          {"'ab\\cd' ", "ab"},
          {"%#o 8", "010"}}) {
        EXPECT_EQ(run("setexpr x fmt " + std::string(words)), "") << words;
        EXPECT_EQ(status, 0) << words;
        EXPECT_EQ(context->environment.get("x").value_or("none"), result) << words;
    }
    run("setenv x old");
    for (auto [words, why] :
         {std::pair{"%a 1", "%a: invalid argument (not one of %b %c %d %i %o %s %u %x %X %%)\n"},
          {"'hello%' 1", "%: invalid argument (not one of %b %c %d %i %o %s %u %x %X %%)\n"},
          {"%d zz", "zz: invalid argument (not a number)\n"},
          {"%d 1 2", "2: invalid argument (a value that the format has no place for)\n"},
          {"%16385d 1", "1: too large (the text would be over 16384 bytes)\n"},
          {"%.99999999999d 1", "1: too large (the text would be over 16384 bytes)\n"}}) {
        EXPECT_EQ(run("setexpr x fmt " + std::string(words)), why) << words;
        EXPECT_EQ(status, 1) << words;
    }
    EXPECT_EQ(run("echo $x; setexpr x fmt %016384d 1; echo $?"), "old\n0\n");
}

TEST_F(Expressions, setexpr) {
    for (auto [line, result] : {std::pair{"10 + 20", "30"},
                                {"10 - 20", "fffffffffffffff0"},
                                {"ff * 10", "ff0"},
                                {"100 / 7", "24"},
                                {"100 % 7", "4"},
                                {"ff '&' f0", "f0"},
                                {"f0 '|' f", "ff"},
                                {"ff ^ f", "f0"},
                                {"1234", "1234"},
                                {"0x10", "10"}})
        EXPECT_EQ(run("setexpr x " + std::string(line) + "; echo $x"), std::string(result) + "\n") << line;
    EXPECT_EQ(run("setexpr.b x ff + 2; echo $x"), "1\n");
    EXPECT_EQ(run("mw.l 40000000 11223344; setexpr.w x *40000000 + 1; echo $x"), "3345\n");
    EXPECT_EQ(run("setexpr.l x *40000000; echo $x"), "11223344\n");
    EXPECT_EQ(run("setexpr x 1 / 0"), "division by zero\n");
    EXPECT_EQ(status, 1);
    EXPECT_EQ(run("setexpr x 1 ? 2"), "'?': not one of + - * / % & | ^\n");
    EXPECT_EQ(run("setexpr x *0"), "0x00000000..0x00000007 is not in RAM\n");
    EXPECT_EQ(run("setexpr x z"), "'z': not a number (hexadecimal)\n");
    EXPECT_EQ(run("setexpr x 1 +").substr(0, 10), "setexpr - ");
}

TEST_F(Expressions, itest) {
    for (std::string_view holds :
         {"10 == 0x10", "a -lt 10", "ffffffffffffffff > 1", "1 -ne 2", "2 <= 2", "3 -ge 2"}) {
        run("itest " + std::string(holds));
        EXPECT_EQ(status, 0) << holds;
    }
    for (std::string_view fails : {"1 == 2", "2 < 2", "z == 0"}) {
        run("itest " + std::string(fails));
        EXPECT_EQ(status, 1) << fails;
    }
    run("itest.b 101 == 1");
    EXPECT_EQ(status, 0);
    EXPECT_EQ(run("itest 1 = 2"), "itest: Unknown operator '='\n");
    EXPECT_EQ(status, 1);
}

} // namespace
} // namespace vireo::test
