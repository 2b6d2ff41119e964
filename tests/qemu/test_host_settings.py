# SPDX-License-Identifier: Apache-2.0
"""opt/vireo/env and opt/vireo/script, by each way to fw_cfg: a boot command, and all that comes before it, without another build. The
countdown as the programs of others wait for it."""

import functools
import os
import re
import select
import subprocess
import time

import pytest
import vm
from conftest import PATIENCE, build_folder

COUNTDOWN = "Hit any key to stop autoboot:  2 \b\b\b 1 \b\b\b 0 "
WITHOUT_DMA = ["-global", "fw_cfg.dma_enabled=off"]


@functools.cache
def takes_files(qemu, machine):
    """Some releases of QEMU know no fw_cfg yet when they read the option, on RISC-V: 7.2 is one, 10 is none."""
    probe = subprocess.run([qemu, *machine, "-display", "none", "-serial", "none", "-S", "-monitor", "stdio", "-fw_cfg", "name=opt/x,string=y"],
                           check=False, capture_output=True, text=True, input="quit\n", timeout=PATIENCE)
    return "fw_cfg device not available" not in probe.stderr


@pytest.fixture(autouse=True)
def skip_unless_qemu_takes_files(request):
    board = request.node.callspec.params["board"]
    if not takes_files(board.qemu, board.machine):
        pytest.skip(f"this {board.qemu} has no -fw_cfg for files")


def env_file(tmp_path, text):
    path = tmp_path / "env.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return ["-fw_cfg", f"name=opt/vireo/env,file={vm.escape(path)}"]


def script_file(tmp_path, text):
    path = tmp_path / "script.txt"
    path.write_text(text, encoding="ascii")
    return ["-fw_cfg", f"name=opt/vireo/script,file={vm.escape(path)}"]


# The ways to the files that differ: memory or ports, with and without DMA, with and without a chip set.
MACHINES = [pytest.param(board, [*options], id=f"{board.name}{name}") for board in vm.BOARDS.values() for name, options in (
    ("", []), ("-no-dma", WITHOUT_DMA), *([("-microvm", ["-machine", "microvm"]), ("-q35", ["-machine", "q35"])] if "x86" in board.name else []))]


@pytest.mark.parametrize("board,options", MACHINES)
def test_a_boot_command_from_the_host_and_again_after_reset(board, options, machines, tmp_path):
    files = [*env_file(tmp_path, "# of the site\r\n\r\nbootcmd=echo booting $what\r\nwhat=from the host"),
             *script_file(tmp_path, "echo before\nsetenv what \"$what, by script\"\n")]
    machine = machines.boot(board, [*options, *files])
    for text in (machine.banner, None):
        if text is None:
            machine.send("reset\r")
            machine.expect("resetting \\.\\.\\.")
            text = machine.boot()
        assert "opt/vireo/env: 2 variables set\n## Executing script opt/vireo/script\nbefore\n" in text
        assert text.endswith(COUNTDOWN + "\nbooting from the host, by script\n"), repr(text[-300:])
    assert machine.transcript.count(COUNTDOWN + "\r") == 2


def test_a_string_on_the_command_line(board, machines):
    machine = machines.boot(board, ["-fw_cfg", "name=opt/vireo/env,string=bootcmd=echo one,, two",
                                    "-fw_cfg", "name=opt/vireo/script,string=setenv bootdelay 0"])
    assert machine.banner.endswith("Hit any key to stop autoboot:  0 \none, two\n")


def test_wrong_lines_are_named(board, machines, tmp_path):
    machine = machines.boot(board, env_file(tmp_path, b"good=1\nno equals sign\nipaddr=10.0.2.300\nbad name=x\nbaudrate=9600\n"
                                                      b"nul=\0\nethaddr=ff:ff:ff:ff:ff:ff\nlast=kept"))
    assert ("opt/vireo/env:2: no '=': \"no equals sign\"\n"
            "opt/vireo/env:3: not an IP address: \"ipaddr=10.0.2.300\"\n"
            "opt/vireo/env:4: a name has no blanks and control characters: \"bad name=x\"\n"
            "opt/vireo/env:5: the console has 115200 bps and no other rate: \"baudrate=9600\"\n"
            "opt/vireo/env:6: a zero byte: \"nul=?\"\n"
            "opt/vireo/env:7: not a card's hardware address: \"ethaddr=ff:ff:ff:ff:ff:ff\"\n"
            "opt/vireo/env: 2 variables set, 6 lines not used\n") in machine.banner
    assert machine.command("echo $good $last $baudrate") == "1 kept 115200\n"


@pytest.mark.parametrize("options", [[], WITHOUT_DMA], ids=["dma", "bytes"])
def test_large_files(board, options, machines, tmp_path):
    """64 KiB in one value; and what is more than all variables may have."""
    value = "".join(f"{number:07x}." for number in range(8192))
    machine = machines.boot(board, [*options, *env_file(tmp_path, f"big={value}\nsmall=1\n")])
    assert "opt/vireo/env: 2 variables set\n" in machine.banner
    assert machine.command("printenv big") == f"big={value}\n"
    machine = machines.boot(board, [*options, *env_file(tmp_path, "small=1\n" * 40000)])
    assert "opt/vireo/env: larger than 262140 bytes: not used\n" in machine.banner
    assert "not defined" in machine.command("printenv small")


def test_a_script_that_fails_or_is_interrupted(board, machines, tmp_path):
    environment = ["-fw_cfg", "name=opt/vireo/env,string=bootcmd=echo booted"]
    machine = machines.boot(board, [*environment, *script_file(tmp_path, "setenv bootdelay -2\nexit 3\necho not reached\n")])
    assert machine.banner.endswith("opt/vireo/script: failed with status 3\nbooted\n")
    machine = machines.start(board.command(build_folder(board), ["-nic", "none", *environment, *script_file(tmp_path, "sleep 1000\n")]))
    machine.expect("Executing script opt/vireo/script\r+\n")
    machine.send("\x03")
    assert "booted" not in machine.boot()
    assert machine.command("echo here") == "here\n"


class Waiter:
    """What an expect script does, with pipes and no terminal: wait for a text, send another."""

    def __init__(self, command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.text = b""

    def wait_for(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            part = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert part, f"no {pattern} in {self.text[-500:]!r}"
            self.text += part
        self.text = self.text[found.end():]

    def send(self, keys):
        self.process.stdin.write(keys)
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.communicate()


def test_expect_scripts_stop_the_countdown(board):
    """As the templates of test laboratories do it: the banner, the line, a key, the prompt, a command; each kind of key."""
    waiter = Waiter(board.command(build_folder(board), ["-nic", "none", "-fw_cfg", "name=opt/vireo/env,string=bootcmd=echo too late"]))
    try:
        for key in (b" ", b"\r", b"\n", b"\x03", b"a", b"\x1b[A", b"\x1b"):
            waiter.wait_for(rb"Vireo \d")
            waiter.wait_for(rb"Hit any key to stop autoboot:\s+\d")
            waiter.send(key)
            waiter.wait_for(rb"=> $")
            waiter.send(b"echo st\"opp\"ed\r")
            waiter.wait_for(rb"\r\nstopped\r\n=> $")
            waiter.send(b"reset\r")
            waiter.wait_for(rb"resetting \.\.\.")
    finally:
        waiter.close()
