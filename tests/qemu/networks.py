# SPDX-License-Identifier: Apache-2.0
"""A network for one test: a namespace with a tap, servers in it, and machines that are plugged in. Imported by test_net*.py."""

import contextlib
import functools
import hashlib
import os
import random
import re

import pytest

import conftest
import net
import peers
import qmp
import relay
import vm
from test_matrix import KINDS, LOAD

MIB = 1 << 20
# More than one block, and no multiple of anything.
FILE_BYTES = MIB + 1234
USER_HOST = "10.0.2.2"


# What differs between boards is not in the path of most tests: they run on a 64-bit board and
# a 32-bit one, by turns.
BOARDS = ("qemu_arm64", "qemu-x86")


def by_turns(table):
    """Each row of a table on one of those boards."""
    return [pytest.param(vm.BOARDS[BOARDS[number % len(BOARDS)]], name, id=f"{name}-{BOARDS[number % len(BOARDS)]}")
            for number, name in enumerate(table)]


def nic(kind, properties="", index=0):
    """A NIC of a kind of KINDS, and what else QEMU needs for that kind."""
    transport, of_kind, more = KINDS[kind]
    return [*more, *net.nic(index, transport, of_kind + properties)]


def modern(properties=""):
    """A modern PCI NIC."""
    return nic("pci-modern-only", properties)


def content(size=FILE_BYTES, seed=1):
    return random.Random(seed).randbytes(size)


class Machine:
    """A machine with the network commands, typed and checked. The console is in `vm`."""

    def __init__(self, console, monitor, board, folder):
        self.vm, self.board, self.address = console, board, LOAD[board.name]
        self._monitor, self._folder = monitor, folder
        self.banner = console.banner
        self.command("setenv autoload no")

    def command(self, line, timeout=None):
        return self.vm.command(line, timeout)

    def succeeds(self, line, timeout=None):
        text = self.command(line, timeout)
        assert self.vm.status() == 0, f"{line}\n{text}"
        return text

    def fails(self, line, timeout=None):
        """The command fails in its own words: it ends, says why in its last line, and the prompt is back."""
        text = self.command(line, timeout)
        assert self.vm.status() == 1, f"{line}\n{text}"
        assert text.strip(), f"{line}: no word why"
        return text

    def fails_with(self, line, words, timeout=None):
        """The same, with these words (a regular expression) at the start of a line, and nothing that confuses a terminal."""
        text = self.fails(line, timeout)
        assert re.search(rf"(?m)^({words})", text), text
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", text), repr(text)
        return text

    def dhcp(self):
        text = self.succeeds("dhcp")
        found = re.search(r"^DHCP client bound to address ([\d.]+) \(\d+ ms\)$", text, re.M)
        assert found, text
        return found[1]

    def fetch(self, line, expected, timeout=None):
        """Runs a download to the board's load address and compares what is in memory, from outside."""
        self.command(f"mw.b {self.address:x} a5 {len(expected) + 64:x}")
        text = self.succeeds(line.format(a=f"{self.address:x}"), timeout)
        assert f"Bytes transferred = {len(expected)} ({len(expected):x} hex)" in text, text
        self.check_memory(expected)
        assert self.command("printenv filesize fileaddr") == f"filesize={len(expected):x}\nfileaddr={self.address:x}\n"
        return text

    def check_memory(self, expected):
        """sha256 of what lies at the load address, and that nothing was written behind it."""
        got = self.memory(self.address, len(expected) + 64)
        assert hashlib.sha256(got[:len(expected)]).hexdigest() == hashlib.sha256(expected).hexdigest()
        assert got[len(expected):] == b"\xa5" * 64, "written behind the end of the file"

    def memory(self, address, size):
        path = os.path.join(self._folder, "memory")
        self._monitor.command("pmemsave", val=address, size=size, filename=path)
        with open(path, "rb") as file:
            return file.read()

    def monitor(self, name, /, **arguments):
        return self._monitor.command(name, **arguments)

    def is_alive(self):
        """What every error leaves behind: a prompt that works, and a network that does."""
        assert self.command("echo alive") == "alive\n"
        assert "is alive" in self.succeeds(f"ping {net.HOST}")


class Network:
    """The namespace, its servers (all end with the test), and machines in it."""

    def __init__(self, folder, machines, stack):
        self.folder, self.machines, self._stack = str(folder), machines, stack
        self.root = os.path.join(self.folder, "served")
        os.mkdir(self.root)
        self.namespace = stack.enter_context(net.Namespace())
        self.namespace.add_tap()

    def file(self, name, data=None):
        """Puts a file where the servers find it; its bytes."""
        data = content() if data is None else data
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        return data

    def start(self, kind, *arguments, **named):
        """Starts a peer (a class of peers.py, or anything that takes the namespace first and can be entered)."""
        return self._stack.enter_context(kind(self.namespace, *arguments, **named))

    def dnsmasq(self, **named):
        return self.start(peers.Dnsmasq, self.folder, **{"root": self.root, **named})

    def nginx(self, *arguments):
        return self.start(peers.Nginx, self.folder, self.root, *arguments)

    def atftpd(self, **named):
        return self.start(peers.Atftpd, self.folder, self.root, **named)

    def frames(self):
        """That passed the tap so far, both ways."""
        return self.namespace.frames()

    def capture(self):
        return self.start(peers.Capture, self.folder)

    def relay(self, **named):
        return self.start(relay.Relay, **named)

    def boot(self, board, arguments=None, back_end=None):
        """A machine at its prompt; by default with one modern PCI NIC on the tap."""
        monitor = self._stack.enter_context(qmp.Monitor())
        arguments = modern() if arguments is None else arguments
        command = board.command(conftest.build_folder(board), [*(net.tap() if back_end is None else back_end), *arguments,
                                                               *monitor.arguments, "-serial", "mon:stdio"])
        console = self.machines.start(self.namespace.command(command))
        console.banner = console.boot()
        return Machine(console, monitor, board, self.folder)

    def boot_bound(self, board, arguments=None, back_end=None):
        """The same with a fixed address and the server's, without asking anybody."""
        machine = self.boot(board, arguments, back_end)
        machine.command(f"setenv ipaddr 192.168.77.40; setenv netmask 255.255.255.0; setenv serverip {net.HOST}; "
                        f"setenv gatewayip {net.HOST}; setenv dnsip {net.HOST}")
        return machine


@functools.cache
def why_no_network():
    return net.why_none() or peers.why_none()


@pytest.fixture
def network(tmp_path, machines):
    if why_no_network():
        pytest.skip(why_no_network())
    with contextlib.ExitStack() as stack:
        # The machines end first: what they are plugged into goes afterwards.
        one = Network(tmp_path, machines, stack)
        yield one
        for machine in machines.started:
            machine.close()
