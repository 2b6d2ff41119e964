# SPDX-License-Identifier: Apache-2.0
"""`./run --cmd` with the real machine: statuses, power-off, unfinished lines, a machine that fails. tests/build/run_test.py has
everything around it."""
import os
import re
import subprocess
import sys

import pytest
import unattended
from conftest import PATIENCE, build_folder

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


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


def test_the_program_of_the_ci_page(board, tmp_path):
    """docs/ci.md as it stands there: a prompt, two commands with their statuses, and QEMU's own."""
    if board.name != "qemu_arm64":
        pytest.skip("the page's machine")
    with open(os.path.join(TOP, "docs", "ci.md"), encoding="utf-8") as page:
        program = re.search(r"^```python\n(.*?)^```$", page.read(), re.M | re.S)[1]
    path = tmp_path / "page.py"
    path.write_text(program, encoding="utf-8")
    result = subprocess.run([sys.executable, "-B", path, os.path.join(build_folder(board), board.firmware)], capture_output=True, text=True,
                            timeout=PATIENCE, check=False)
    assert result.returncode == 0, result.stderr
    version, read = result.stdout.splitlines()
    assert re.match(r"\('Vireo [\d.]+.*', 0\)$", version), version
    assert re.match(r"\('.+', 1\)$", read), "a disk that is not there is an error with a text"
