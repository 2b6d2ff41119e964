# SPDX-License-Identifier: Apache-2.0
"""A network of one's own: a namespace with a tap in it, and what QEMU needs to plug into it. Nothing of it is seen outside.

A namespace has no name: it lives as long as this process, and what was started in it, so nothing is left behind by a test that is
killed, and tests that run in parallel all call their tap `tap0`, as the documented command lines do.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import struct
import subprocess

TAP = "tap0"
HOST, HOST6 = "192.168.77.1", "fd00:77::1"
PREFIX, PREFIX6 = 24, 64

CLONE_NEWNET = 0x40000000
TUNSETIFF, TUNSETPERSIST = 0x400454CA, 0x400454CB
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def open_tap(name):
    """A descriptor of a tap, which is made if it is not there; a read or write is one frame."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    except OSError:
        os.close(tap)
        raise
    return tap


class Namespace:
    """An empty network namespace: only `lo`, which is up."""

    def __init__(self):
        ours = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _checked(_libc.unshare(CLONE_NEWNET))
            self._file = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            _checked(_libc.setns(ours, CLONE_NEWNET))
        finally:
            os.close(ours)
        self.ip("link", "set", "lo", "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @contextlib.contextmanager
    def inside(self):
        """What this thread opens meanwhile (sockets, taps, /proc/sys/net) is the namespace's, and stays so."""
        ours = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _checked(_libc.setns(self._file, CLONE_NEWNET))
            try:
                yield
            finally:
                _checked(_libc.setns(ours, CLONE_NEWNET))
        finally:
            os.close(ours)

    def command(self, words):
        """The command line that runs `words` in here; its process id is theirs."""
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self._file}", "--", *(str(word) for word in words)]

    def run(self, *words):
        """Runs a short command in here; what it printed."""
        return subprocess.run(self.command(words), check=True, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL).stdout

    def ip(self, *words):
        return self.run("ip", *words)

    def frames(self, name=TAP):
        """That passed a tap so far, both ways."""
        counts = json.loads(self.ip("-s", "-j", "link", "show", name))[0]["stats64"]
        return counts["rx"]["packets"] + counts["tx"]["packets"]

    def add_tap(self, name=TAP, addresses=(f"{HOST}/{PREFIX}", f"{HOST6}/{PREFIX6}", "fe80::77/64"), mtu=1500):
        """A tap that stays, so that QEMU finds it with `-netdev tap,ifname=NAME`; the host's end has the addresses."""
        with self.inside():
            tap = open_tap(name)
            fcntl.ioctl(tap, TUNSETPERSIST, 1)
            os.close(tap)
            # Addresses are used at once, and none but those given appear.
            for setting, value in (("accept_dad", "0"), ("addr_gen_mode", "1"), ("accept_ra", "0")):
                with open(f"/proc/sys/net/ipv6/conf/{name}/{setting}", "w", encoding="ascii") as file:
                    file.write(value)
        self.ip("link", "set", name, "mtu", str(mtu), "up")
        for address in addresses:
            self.ip("address", "add", address, "dev", name, *(["nodad"] if ":" in address else []))


def why_none():
    """Why no such network can be made here, in one line; None if it can."""
    try:
        with Namespace() as namespace:
            namespace.add_tap()
    except (OSError, subprocess.SubprocessError) as failure:
        return f"no network of its own can be made here (root, /dev/net/tun and network namespaces are needed): {failure}"
    return None


def tap(index=0, name=TAP, more=""):
    """QEMU's argument for a NIC's back end on a tap, without a script that would change the host."""
    return ["-netdev", f"tap,id=net{index},ifname={name},script=no,downscript=no{more}"]


def user(index=0, more=""):
    """The same for QEMU's own network, in which the host is 10.0.2.2 and everything on its `lo` can be reached there."""
    return ["-netdev", f"user,id=net{index}{more}"]


def nic(index=0, transport="pci", properties=""):
    """The NIC itself. `properties` each with its comma."""
    return ["-device", f"virtio-net-{'device' if transport == 'mmio' else 'pci'},netdev=net{index}{properties}"]
