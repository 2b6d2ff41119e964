# SPDX-License-Identifier: Apache-2.0
"""Boards, QEMU command lines, and a console that commands are typed at. Used by ./run, the tests and the bench."""

import dataclasses
import os
import re
import shlex
import time

import pexpect

PROMPT = "=> "
# The prompt stands at the start of a line and nothing follows it.
PROMPT_AT_LINE_START = re.compile(r"(?:\A|(?<=[\r\n]))=> \Z")


@dataclasses.dataclass(frozen=True)
class Board:
    name: str  # as in NAME_defconfig
    qemu: str
    machine: tuple  # arguments that the documented lines give for this board
    firmware: str  # what -bios takes from the build folder
    has_mmio: bool  # VirtIO MMIO slots
    bits: int
    rival: str = ""  # Debian's u-boot-qemu image for the same machine

    def command(self, build, arguments=()):
        """The whole QEMU command line for a firmware in `build`."""
        return [self.qemu, "-nographic", *self.machine, "-bios", os.path.join(build, self.firmware), *arguments]


BOARDS = {
    board.name: board
    for board in (
        Board("qemu_arm", "qemu-system-arm", ("-machine", "virt"), "u-boot.bin", True, 32, "qemu_arm/u-boot.bin"),
        Board("qemu_arm64", "qemu-system-aarch64", ("-machine", "virt", "-cpu", "cortex-a57"), "u-boot.bin", True, 64,
              "qemu_arm64/u-boot.bin"),
        Board("qemu-riscv32", "qemu-system-riscv32", ("-machine", "virt"), "u-boot.bin", True, 32),
        Board("qemu-riscv64", "qemu-system-riscv64", ("-machine", "virt"), "u-boot.bin", True, 64,
              "qemu-riscv64/u-boot.bin"),
        Board("qemu-x86", "qemu-system-i386", (), "u-boot.rom", False, 32, "qemu-x86/u-boot.rom"),
        Board("qemu-x86_64", "qemu-system-x86_64", (), "u-boot.rom", False, 64, "qemu-x86_64/u-boot.rom"),
    )
}


def disk(index, image, transport="pci", image_format="raw", drive="", device=""):
    """The arguments for one disk. `drive` and `device` are further properties, each with its comma."""
    return ["-drive", f"if=none,file={escape(image)},format={image_format},id=hd{index}{drive}",
            "-device", f"virtio-blk-{'device' if transport == 'mmio' else 'pci'},drive=hd{index}{device}"]


def escape(path):
    """A path inside a QEMU option: a comma is written twice."""
    return str(path).replace(",", ",,")


class ConsoleError(AssertionError):
    """The console did not say what it should; the text shows what it did say."""


class Vm:
    """A QEMU with a firmware, and its serial console. Use as a context manager; every wait has a deadline."""

    def __init__(self, command, timeout=60, environment=None):
        self.command_line = [str(part) for part in command]
        self.timeout = timeout
        self.transcript = ""
        self._child = pexpect.spawn(self.command_line[0], self.command_line[1:], timeout=timeout, encoding="utf-8",
                                    codec_errors="replace", echo=False, dimensions=(50, 4096), env=environment)
        self._child.delaybeforesend = None
        self._child.logfile_read = self

    # pexpect's logfile interface
    def write(self, text):
        self.transcript += text

    def flush(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends QEMU. Safe to call twice."""
        self._child.close(force=True)

    @property
    def pid(self):
        return self._child.pid

    def expect(self, pattern, timeout=None, at_end=False):
        """Waits for a regular expression; the text before it and the match, with "\\n" line ends. `at_end`: it ends what has
        arrived, so the megabyte before it is not searched again and again."""
        try:
            self._child.expect(pattern, timeout=timeout or self.timeout, searchwindowsize=4096 if at_end else None)
        except (pexpect.TIMEOUT, pexpect.EOF) as failure:
            what = "QEMU ended" if isinstance(failure, pexpect.EOF) else f"nothing for {timeout or self.timeout} s"
            raise ConsoleError(f"{what} while waiting for {pattern!r}\n{self.report()}") from None
        return clean(self._child.before), clean(self._child.after)

    def report(self):
        return f"$ {shlex.join(self.command_line)}\n{clean(self.transcript)}\n[end of console]"

    def boot(self, timeout=None):
        """Waits for the first prompt; what was printed until then."""
        return self.expect(PROMPT_AT_LINE_START, timeout, at_end=True)[0]

    def send(self, text):
        self._child.send(text)

    def command(self, line, timeout=None):
        """Types one line and waits for the next prompt; what the command printed, without the echo."""
        self.send(line + "\r")
        text = self.expect(PROMPT_AT_LINE_START, timeout, at_end=True)[0]
        return text.split("\n", 1)[1] if "\n" in text else ""

    def status(self):
        """`$?` of the last command."""
        answer = self.command("echo $?").strip()
        if not answer.isdigit():
            raise ConsoleError(f"no status: {answer!r}\n{self.report()}")
        return int(answer)

    def wait_exit(self, timeout=30):
        """Waits until QEMU ends by itself; its exit status."""
        self.expect(pexpect.EOF, timeout)
        self._child.close()
        return self._child.exitstatus

    def processor_seconds(self):
        """Host processor time that QEMU has used so far."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_processor_idle(self, seconds):
        """Lets `seconds` of wall time pass and returns the share of one core that QEMU used meanwhile."""
        before, start = self.processor_seconds(), time.monotonic()
        try:
            self._child.expect("\x00 never printed", timeout=seconds)
        except pexpect.TIMEOUT:
            pass
        return (self.processor_seconds() - before) / (time.monotonic() - start)


def clean(text):
    """Console text as lines. The firmware sends CR LF, and the terminal that QEMU writes to makes CR CR LF of it."""
    return re.sub(r"\r+\n", "\n", text) if isinstance(text, str) else ""
