# SPDX-License-Identifier: Apache-2.0
"""A console that commands are typed at and whose output is passed on as it comes: what `./run --cmd` shows.

QEMU's console is a pipe, not a pseudo-terminal, so it works where there is no /dev/pts.
"""
import os
import re
import select
import subprocess
import time

import supervise

CONTINUED = b"> "  # the prompt of a line that is not finished
# The line of a crash report that names the build: the machine failed, and starts anew.
REPORT = re.compile(rb"^Vireo .* for \S+, code [0-9a-f]{8}$", re.MULTILINE)
# seconds of silence after which "> " at the start of a line is that prompt, and not the start of more
SETTLED = 0.3


class Failure(Exception):
    """What went wrong, in one line, and the exit status."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


class Ended(Exception):
    """QEMU ended by itself."""


class Console:
    """A QEMU, its console, and where that is shown. Use as a context manager; every wait has a deadline."""

    def __init__(self, command, prompt, show):
        self._prompt = prompt
        self._show = show
        self._text = b""  # what came and is not shown yet
        self._line_start = True  # whether that begins a line
        self._tail = b""  # of what was shown since the last line was typed
        try:
            self._qemu = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=supervise.with_its_parent)
        except OSError as failure:
            raise Failure(f"{command[0]}: {failure.strerror}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._qemu.kill()
        self._qemu.wait()
        self._qemu.stdout.close()
        try:
            self._qemu.stdin.close()
        except BrokenPipeError:
            pass

    def wait_prompt(self, seconds, what):
        """Passes on what comes until a prompt ends it; True if the line goes on (the prompt is `> `)."""
        deadline = time.monotonic() + seconds
        while True:
            wait = deadline - time.monotonic()
            if wait <= 0:
                self._pass_on(len(self._text))
                raise Failure(f"no prompt within {seconds:g} s {what}", 124)
            continued = self._line_start and self._text.lstrip(b"\r") == CONTINUED
            ready = select.select([self._qemu.stdout], [], [], min(wait, SETTLED) if continued else wait)[0]
            if not ready:
                if continued and wait > SETTLED:
                    return True
                continue
            data = os.read(self._qemu.stdout.fileno(), 65536)
            if not data:
                self._pass_on(len(self._text))
                raise Ended
            self._text += data
            # All but the last line, and of that all but what may yet become a prompt, or the end of the line.
            self._pass_on(self._text.rfind(b"\n") + 1)
            last = self._text.lstrip(b"\r")
            if self._line_start and last == self._prompt:
                if REPORT.search(self._tail):
                    raise Failure(f"the machine failed and started anew {what}")
                return False
            if not (self._line_start and (self._prompt.startswith(last) or CONTINUED.startswith(last))):
                self._pass_on(len(self._text.rstrip(b"\r")))

    def type(self, line):
        """Types a line; the prompt before it is shown now that something stands behind it."""
        self._pass_on(len(self._text))
        self._tail = b""
        try:
            self._qemu.stdin.write(line + b"\r")
            self._qemu.stdin.flush()
        except BrokenPipeError:
            pass  # QEMU has ended: the next wait says so

    def status(self, seconds):
        """`$?` of the last command. Nothing of the question is shown."""
        self._text, self._show = b"", lambda _: None
        self.type(b"echo $?")
        self.wait_prompt(seconds, "after the last command, for its status")
        found = re.findall(rb"^(\d+)$", self._tail, re.MULTILINE)
        if not found:
            raise Failure("the console does not tell the status of the last command")
        return int(found[-1])

    def exit_status(self, seconds):
        """QEMU's own, after it has ended."""
        try:
            return self._qemu.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure("QEMU closed its console and does not end") from None

    def _pass_on(self, count):
        part, self._text = self._text[:count], self._text[count:]
        if part:
            self._line_start = part.endswith(b"\n")
            part = re.sub(rb"\r+\n", b"\n", part)
            self._tail = (self._tail + part)[-8192:]
            self._show(part)


def run(command, prompt, lines, timeout, show):
    """Boots, types each line once the one before is done, shows what a user would see; the status of the last command. A machine
    that powers itself off in the last line has done what it was told."""
    with Console(command, prompt, show) as console:
        done, what = 0, "after the start"
        try:
            continued = console.wait_prompt(timeout, what)
            for line in lines:
                console.type(line)
                shown = line.decode(errors="replace")
                what = f"after '{shown}'"
                continued = console.wait_prompt(timeout, what)
                done += 1
            if continued:
                raise Failure(f"the command is unfinished: more is expected {what}")
            return console.status(timeout) if lines else 0
        except Ended:
            status = console.exit_status(timeout)
            if status != 0:
                raise Failure(f"QEMU ended {what}, with status {status}") from None
            if done + 1 < len(lines) or not lines:
                raise Failure(f"QEMU ended {what}; lines that were not run: {max(len(lines) - done - 1, 0)}") from None
            return 0


def watch(command, prompt, timeout, show):
    """Boots a kernel and shows what a user would see, for so many seconds at most; 0 once QEMU ends. At the firmware's prompt, the kernel was
    not booted."""
    with Console(command, prompt, show) as console:
        try:
            console.wait_prompt(timeout, "and no end of QEMU")
        except Ended:
            status = console.exit_status(timeout)
            if status != 0:
                raise Failure(f"QEMU ended with status {status}") from None
            return 0
        raise Failure("the kernel was not booted")
