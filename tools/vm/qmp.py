# SPDX-License-Identifier: Apache-2.0
"""QEMU's monitor over a UNIX socket: what a test changes, or counts, from outside the machine."""

import json
import os
import socket
import tempfile
import time


class QmpError(RuntimeError):
    """QEMU refused a command, or ended."""


class Monitor:
    """Make it before QEMU starts and put `arguments` on QEMU's command line. The first command connects."""

    def __init__(self, timeout=30):
        # a socket's path has at most 107 bytes
        self._folder = tempfile.TemporaryDirectory(prefix="vireo-qmp-")
        self.folder = self._folder.name  # for files that commands write, until it is closed
        self._path = os.path.join(self._folder.name, "qmp")
        self._timeout = timeout
        self._socket = None
        self._lines = None
        self.arguments = ["-qmp", f"unix:{self._path},server=on,wait=off"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._socket:
            self._lines.close()
            self._socket.close()
            self._socket = None
        self._folder.cleanup()

    def command(self, name, /, **arguments):
        """Runs one command; what it returns."""
        if not self._socket:
            self._connect()
        self._socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode())
        while True:
            line = self._lines.readline()
            if not line:
                raise QmpError(f"{name}: QEMU ended")
            answer = json.loads(line)
            if "error" in answer:
                raise QmpError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def requests(self):
        """Reads, writes and flushes that each drive has served so far: name of the drive -> (reads, writes, flushes)."""
        return {drive["device"]: tuple(drive["stats"][f"{kind}_operations"] for kind in ("rd", "wr", "flush"))
                for drive in self.command("query-blockstats")}

    def _connect(self):
        deadline = time.monotonic() + self._timeout
        while True:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(self._timeout)
            try:
                self._socket.connect(self._path)
                break
            except OSError:
                self._socket.close()
                self._socket = None
                if time.monotonic() > deadline:
                    raise QmpError("QEMU has no monitor") from None
                time.sleep(0.01)  # QEMU makes the socket when it gets that far
        self._lines = self._socket.makefile("rb")
        self._lines.readline()  # the greeting
        self.command("qmp_capabilities")
