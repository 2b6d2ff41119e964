#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""supervise.py NAME COMMAND...: runs a command and, when it is told to end, ends everything that the command has started.

A shell script cannot: it dies of SIGTERM while what it waits for goes on, and of the processes below that it knows nothing. Whatever
loses its parent becomes a child of this one instead of init's, so a walk down from here finds all. One line says what happened, and
the status is 130 after Ctrl-C, 143 after SIGTERM.
"""
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM", signal.SIGHUP: "ended by SIGHUP"}
PATIENCE = 10  # seconds for those who put something in order before they end

_libc = ctypes.CDLL(None, use_errno=True)


class Interrupted(BaseException):
    """Somebody wants this program to end."""

    def __init__(self, number):
        super().__init__(WORDS[number])
        self.status = 128 + number


def with_its_parent():
    """Between fork and exec: the child dies with this process, whatever kills it (SIGKILL cannot be passed on)."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def descendants():
    """Process ids of what runs below this process; the ended ones that nobody has waited for do not count."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, parent = file.read().rsplit(")", 1)[1].split()[:2]
            if state not in "ZX":
                children.setdefault(int(parent), []).append(int(name))
            else:
                children.setdefault(int(parent), [])
    found, waiting = [], [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def end_descendants():
    """Asks them to end, and makes them after a while."""
    number, deadline = signal.SIGTERM, time.monotonic() + PATIENCE
    asked = set()
    while below := descendants():
        for process in below:
            if process not in asked or number == signal.SIGKILL:
                asked.add(process)
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, number)
        if time.monotonic() > deadline:
            if number == signal.SIGKILL:
                return
            number, deadline = signal.SIGKILL, time.monotonic() + PATIENCE
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.02)


def main_with(name, program):
    """Runs `program` and exits with what it returns; a signal ends it and everything below it."""
    def interrupt(number, _):
        for one in WORDS:
            signal.signal(one, signal.SIG_IGN)
        end_descendants()  # first: what is in the middle of something waits for its child on the way out
        raise Interrupted(number)

    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in WORDS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup's wish
            signal.signal(number, interrupt)
    try:
        status = program()
    except Interrupted as why:
        with contextlib.suppress(OSError):
            print(f"{name}: {why}", file=sys.stderr, flush=True)
        status = why.status
    sys.exit(status)


def main():
    def program():
        with subprocess.Popen(sys.argv[2:], env={**os.environ, "VIREO_SUPERVISED": "1"}) as child:
            status = child.wait()
        return status if status >= 0 else 128 - status

    main_with(sys.argv[1], program)


if __name__ == "__main__":
    main()
