# SPDX-License-Identifier: Apache-2.0
"""The language of scripts, as boot scripts written for U-Boot use it."""

LINES = (
    ("setenv o 'A B'; for s in \"$o\" '' c\"d e\"; do echo $s; done", "A\nB\ncd\ne\n"),
    ("echo a;; echo b; if true; && true; then echo x;; fi", "a\nb\nx\n"),
    ("if test -n $unset; then echo SET; else echo UNSET; fi", "UNSET\n"),
    ("test $unset = yes || echo no", "test: not a condition: = yes (quote variables that may be empty)\nno\n"),
    ("a=b echo hi $a; printenv a", "hi b\n## Error: \"a\" not defined\n"),
    ("echo ${x:-a b} \"${x:=c  d}\" ${x:+e}; showvar x", "a b c  d e\nx=c  d\n"),
    ("echo ${x%c}", "invalid argument: '${' wants a name and '}', or between them :-TEXT, :=TEXT or :+TEXT\n"),
    ("setenv f \"\"; env exists f && printenv f; env delete f nosuch && echo gone", "f=\ngone\n"),
    ("setexpr b gsub a x banana", "b=bxnxnx\n"),
    ("setexpr b sub '^(b)(.*)$' '\\2/\\1' && printenv b", "b=xnxnx/b\nb=xnxnx/b\n"),
    ("setexpr b gsub q x || echo none", "xnxnx/b: No match\nnone\n"),
    ("setexpr n fmt 'root=/dev/vd%c%d 0x%08x' a 2 1f; echo $n", "root=/dev/vda2 0x0000001f\n"),
    ("setexpr.s t ab + cd; itest.s $t == abcd && echo same", "same\n"),
    ("setenv loadaddr 1; env default -f loadaddr; itest $loadaddr == 1 || echo back", "back\n"),
    ("loadaddr=5; for loadaddr in 1 2; do true; done; itest $loadaddr == 2 || echo untouched", "untouched\n"),
    ("setenv w 'md $unset; echo on'; run w", "wrong call: md (see 'help md')\non\n"),
)

# Two slots with counters, as update systems choose between them.
SLOTS = (
    "setenv BOOT_ORDER 'A B'; setenv BOOT_A_LEFT 0; setenv BOOT_B_LEFT 3",
    "setenv choose 'setenv slot; for s in \"${BOOT_ORDER}\"; do if test -n \"$slot\"; then; elif test $s = A; then "
    "if test ${BOOT_A_LEFT} -gt 0; then setexpr BOOT_A_LEFT $BOOT_A_LEFT - 1; setenv slot A; fi; "
    "elif test $s = B; then if test ${BOOT_B_LEFT} -gt 0; then setexpr BOOT_B_LEFT $BOOT_B_LEFT - 1; setenv slot B; fi; fi; done'",
)


def test_lines_of_boot_scripts(board, machines):
    machine = machines.boot(board)
    for line, answer in LINES:
        assert machine.command(line) == answer, line


def test_a_script_with_two_slots_chooses_the_one_that_is_left(board, machines):
    machine = machines.boot(board)
    for line in SLOTS:
        assert machine.command(line) == "", line
    assert machine.command("run choose; echo $slot $BOOT_A_LEFT $BOOT_B_LEFT") == "B 0 2\n"
