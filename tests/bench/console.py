# SPDX-License-Identifier: Apache-2.0
"""The one console driver for all contenders: it sends a line and takes the host's time until the prompt is back."""

import mmap
import os
import pty
import re
import select
import struct
import subprocess
import time

KEY = b" "
COUNTDOWN = b"Hit any key"
# At start a key may have been typed behind the prompt already.
PROMPT = re.compile(rb"(?:\A|[\r\n])=> ")


class NoPrompt(RuntimeError):
    """A contender did not answer; the text has its console."""


def at_prompt(seen):
    """The prompt stands at the start of a line and nothing follows it."""
    return seen.endswith(b"=> ") and seen[-4:-3] in (b"", b"\r", b"\n")


class Console:
    """A program whose console is a pair of pipes, which cost the host less for each byte than a pseudo-terminal, or that where the
    program wants one. `counter` is the file that the instruction plugin writes, if it runs."""

    def __init__(self, command, counter=None, needs_terminal=False):
        self._command = command
        self._counter_file = counter
        self._counter = None
        if needs_terminal:
            self._output, theirs = pty.openpty()
            self._input, their_input = os.dup(self._output), os.dup(theirs)
        else:
            self._output, theirs = os.pipe()
            their_input, self._input = os.pipe()
        self.started = time.monotonic()
        self._process = subprocess.Popen(command, stdin=their_input, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        os.close(their_input)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._output)
        os.close(self._input)
        if self._counter:
            self._counter.close()

    def wait(self, is_done, timeout, at_countdown=None):
        """Reads until `is_done(text)`; seconds by the monotonic clock at that moment, and the text."""
        seen = bytearray()
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self._output], [], [], left)[0]
            try:
                part = os.read(self._output, 65536) if ready else b""
            except OSError:
                part = b""  # the program ended
            if not part:
                raise NoPrompt(f"nothing more from {' '.join(self._command)}:\n{seen.decode(errors='replace')[-2000:]}")
            seen += part
            if is_done(seen):
                return time.monotonic(), bytes(seen)
            if len(seen) > 4096 and len(part) < 256:
                # a byte at a time of a long output would wake us, and take a core, for each
                time.sleep(0.0005)
            if at_countdown and COUNTDOWN in seen:
                os.write(self._input, at_countdown)
                at_countdown = None

    def boot(self, timeout=60, key=KEY):
        """Seconds from the start of the program to its first prompt. The key is sent at once, and again at a countdown."""
        if key:
            os.write(self._input, key)
        return self.wait(PROMPT.search, timeout, at_countdown=key)[0] - self.started

    def type(self, line):
        os.write(self._input, line.encode() + b"\r")

    def command(self, line, timeout=120):
        """Seconds from sending the line until the prompt is back, and what was printed between."""
        start = time.monotonic()
        self.type(line)
        end, text = self.wait(at_prompt, timeout)
        return end - start, text.decode(errors="replace").replace("\r", "")

    def instructions(self):
        """Guest instructions so far; None without the plugin."""
        if not self._counter_file:
            return None
        if not self._counter:
            with open(self._counter_file, "rb") as file:
                self._counter = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
        return struct.unpack("=Q", self._counter[:8])[0]

    def processor_share(self, seconds):
        """The share of one core that the program uses while nobody types."""
        def used():
            with open(f"/proc/{self._process.pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        before, start = used(), time.monotonic()
        select.select([], [], [], seconds)
        return (used() - before) / (time.monotonic() - start)
