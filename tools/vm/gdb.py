# SPDX-License-Identifier: Apache-2.0
"""QEMU's debugger interface, as far as a test needs it: another place to go on at, and another state. (GDB's manual, "Remote Protocol".)"""

import os
import re
import shutil
import socket
import tempfile
import time


class Stub:
    """Begins with the QEMU options in `arguments`. A context manager; every wait has a deadline."""

    # The numbers of program counter and stack pointer among the registers of each emulator's description,
    # and their size in bytes.
    REGISTERS = {"qemu-system-arm": (15, 13, 4), "qemu-system-aarch64": (32, 31, 8), "qemu-system-riscv32": (32, 2, 4),
                 "qemu-system-riscv64": (32, 2, 8), "qemu-system-i386": (8, 4, 4), "qemu-system-x86_64": (16, 7, 8)}

    def __init__(self, timeout=30):
        self._folder = tempfile.mkdtemp(prefix="vireo-gdb-")
        self._path = os.path.join(self._folder, "gdb")
        self._timeout = timeout
        self._socket = None
        self._data = b""
        self.arguments = ["-chardev", f"socket,path={self._path},server=on,wait=off,id=gdb", "-gdb", "chardev:gdb"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._socket:
            self._socket.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _connect(self):
        """QEMU stops the machine for whoever comes; it may have been started just now."""
        end = time.monotonic() + self._timeout
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(self._timeout)
        while True:
            try:
                return self._socket.connect(self._path)
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def _receive(self):
        """The next answer; that the machine has stopped is none."""
        while True:
            while not (packet := re.match(rb"\+*\$(.*?)#..", self._data, re.S)):
                more = self._socket.recv(4096)
                assert more, "QEMU has closed the connection"
                self._data += more
            self._data = self._data[packet.end():]
            self._socket.sendall(b"+")
            if not packet[1].startswith((b"T", b"S")):
                return packet[1].decode()

    def _send(self, text):
        self._socket.sendall(b"$%s#%02x" % (text.encode(), sum(text.encode()) % 256))

    def _ask(self, text):
        self._send(text)
        return self._receive()

    def go_on_at(self, emulator, address, stack=None, words=()):
        """Lets the machine go on at another address, with another stack pointer and other `words` of memory, (address, value) each,
        if they are given. Once."""
        self._connect()
        # single registers can be written by those who know them
        self._ask("qXfer:features:read:target.xml:0,fff")
        counter, pointer, size = self.REGISTERS[emulator]

        def change(what, value):
            answer = self._ask(f"{what}{value.to_bytes(size, 'little').hex()}")
            assert answer == "OK", (what, answer)
        for place, value in words:
            change(f"M{place:x},{size:x}:", value)
        if stack is not None:
            change(f"P{pointer:x}=", stack)
        change(f"P{counter:x}=", address)
        self._send("c")
