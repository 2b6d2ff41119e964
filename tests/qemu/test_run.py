# SPDX-License-Identifier: Apache-2.0
"""`./run --cmd` with the real machine; tests/build/run_test.py has everything around it."""
import pytest
import unattended
from conftest import PATIENCE, build_folder


def run(board, *lines):
    """What was shown, and the status."""
    shown = []
    command = board.command(build_folder(board), ["-nic", "none"])
    status = unattended.run(command, b"=> ", [line.encode() for line in lines], PATIENCE, shown.append)
    return b"".join(shown).decode(), status


@pytest.mark.parametrize("lines,status", [(["version"], 0), (["false"], 1), (["version; poweroff"], 0), (["version; reset"], 0), (["true", "false", "echo $?"], 0)])
def test_the_status_is_the_last_commands_and_nothing_is_shown_twice(board, lines, status):
    text, result = run(board, *lines)
    assert result == status, text
    assert all(text.count(f"=> {line}\n") == 1 for line in lines), text
    assert text.count("\nModel: ") == (2 if "reset" in lines[0] else 1), text
    if lines[-1] == "echo $?":
        assert text.endswith("=> echo $?\n1\n"), text


def test_several_lines_of_an_if_and_one_that_is_unfinished(board):
    text, status = run(board, "if true", "then echo yes", "else echo no", "fi")
    assert status == 0 and text.endswith("> fi\nyes\n"), text
    with pytest.raises(unattended.Failure, match="the command is unfinished: more is expected after 'if true'"):
        run(board, "if true")


def test_a_machine_that_fails_is_no_success(board):
    with pytest.raises(unattended.Failure, match="the machine failed and started anew after 'go 4'"):
        run(board, "go 4")
