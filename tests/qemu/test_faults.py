# SPDX-License-Identifier: Apache-2.0
"""Disks that are slow, fail, die, or change their size, on every board; one that stops answering and comes back, on two."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
import zlib

import pytest

import images
import qmp
import vm
from rows import pairs
from test_matrix import LOAD, crc


def test_slow_disk(board, tmp_path, machines):
    """50 requests a second: slow is not dead, and Ctrl-C is not kept waiting."""
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, vm.disk(0, image, drive=",throttling.iops-total=50"))
    address = LOAD[board.name]
    for _ in range(3):
        assert "2048 blocks read: OK" in machine.command(f"virtio read {address:x} 0 800")
        assert crc(machine, address, images.MIB) == zlib.crc32(image.read_bytes())
    started = time.monotonic()
    assert "reads/s" in machine.command("virtio bench 0 80")  # 128 requests: over 2 s
    assert time.monotonic() - started > 1.5
    machine.send("virtio bench 0 2710\r")  # 200 s
    machine.expect("in flight")
    machine.send("\x03")
    machine.expect(vm.PROMPT_AT_LINE_START, timeout=10 + machine.timeout)
    assert machine.status() == 1
    assert "2048 blocks read: OK" in machine.command(f"virtio read {address:x} 0 800")
    assert crc(machine, address, images.MIB) == zlib.crc32(image.read_bytes())


# The event of QEMU's blkdebug, and the command that it makes fail.
ERRORS = {"read": ("read_aio", "virtio read {a:x} 8 1"), "write": ("write_aio", "virtio write {a:x} 8 1"),
          "flush": ("flush_to_disk", "virtio write {a:x} 8 1")}


@pytest.mark.parametrize("name,kind,packed", pairs(vm.BOARDS, ERRORS, ("off", "on")))
def test_errors_of_the_host_are_errors(name, kind, packed, tmp_path, machines):
    """Once; after it the same disk works."""
    board = vm.BOARDS[name]
    event, command = ERRORS[kind]
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    config = tmp_path / "blkdebug.conf"
    sector = "" if kind == "flush" else 'sector = "8"\n'
    config.write_text(f'[inject-error]\nevent = "{event}"\nerrno = "5"\nonce = "on"\n{sector}')
    machine = machines.boot(board, ["-drive", f"if=none,format=raw,id=hd0,cache=writeback,rerror=report,werror=report,"
                                    f"file=blkdebug:{config}:{image}",
                                    "-device", f"virtio-blk-pci,disable-legacy=on,packed={packed},drive=hd0"])
    address = LOAD[board.name]
    text = machine.command(command.format(a=address))
    assert "OK" not in text and "ERROR: " in text and machine.status() == 1, text
    assert "1 blocks" in machine.command(command.format(a=address)) and machine.status() == 0
    assert "2048 blocks read: OK" in machine.command(f"virtio read {address:x} 0 800")


class Server:
    """A disk behind a socket, which can be made to stop answering: qemu-storage-daemon with an NBD export."""

    def __init__(self, image):
        # a socket's path has at most 107 bytes
        self._folder = tempfile.TemporaryDirectory(prefix="vireo-nbd-")
        self.socket = os.path.join(self._folder.name, "nbd")
        self._process = subprocess.Popen(
            ["qemu-storage-daemon", "--blockdev", f"driver=file,node-name=d,filename={image}", "--nbd-server",
             f"addr.type=unix,addr.path={self.socket}", "--export", "type=nbd,id=e,node-name=d,name=d,writable=on"])
        deadline = time.monotonic() + 60
        while not os.path.exists(self.socket):
            assert self._process.poll() is None and time.monotonic() < deadline, "no NBD server"
            time.sleep(0.01)

    def arguments(self, index, properties=""):
        return ["-drive", f"if=none,id=hd{index},format=raw,file=nbd+unix:///d?socket={self.socket}",
                "-device", f"virtio-blk-pci,drive=hd{index}{properties}"]

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def close(self):
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


# A 64-bit and a 32-bit board, one of each family of machines: what differs between boards is
# not in this path.
FROZEN_BOARDS = ("qemu_arm64", "qemu-x86")


class Frozen:
    """A machine whose first disk is served and whose second is not (it has a file system); the served one can stop answering."""

    def __init__(self, machines, name, server, tmp_path, packed):
        root = tmp_path / "root"
        root.mkdir()
        images.patterned(root / "file", images.MIB, seed=3)
        self._images = [images.patterned(tmp_path / "served.img", images.MIB),
                        images.ext(tmp_path / "other.img", root, size=8 * images.MIB)]
        self.server = server(self._images[0])
        self.address = LOAD[name]
        self.elsewhere = LOAD[name] + 4 * images.MIB
        self.machine = machines.boot(vm.BOARDS[name], [*self.server.arguments(0, f",disable-legacy=on,packed={packed}"),
                                                       *vm.disk(1, self._images[1])])

    def check_read(self, number, address=None):
        """Bytes of a disk are what its image holds."""
        machine, address = self.machine, address or self.address
        assert "is now current device" in machine.command(f"virtio device {number}")
        machine.command(f"mw.b {address:x} 0 {images.MIB:x}")
        assert "2048 blocks read: OK" in machine.command(f"virtio read {address:x} 0 800")
        assert crc(machine, address, images.MIB) == zlib.crc32(self._images[number].read_bytes()[:images.MIB])

    def begin_read(self):
        self.machine.command("virtio device 0")
        self.server.freeze()
        self.machine.send(f"virtio read {self.address:x} 0 800\r")
        self.machine.expect("count 2048 \\.\\.\\. ")
        self.machine.wait_processor_idle(0.2)  # the request is on its way

    def expect_error(self, timeout):
        text, _ = self.machine.expect(vm.PROMPT_AT_LINE_START, timeout=timeout)
        assert "ERROR: " in text and "OK" not in text, text
        assert self.machine.status() == 1

    def give_up(self, end="ctrl-c"):
        """A read of the frozen disk that ends with the prompt and an error, while the disk is still frozen."""
        self.begin_read()
        started = time.monotonic()
        if end == "ctrl-c":
            self.machine.send("\x03")
        self.expect_error(45 + self.machine.timeout)
        seconds = time.monotonic() - started
        if end == "ctrl-c":
            assert seconds < 5  # the console of a busy host; at once otherwise
        else:
            assert seconds > 15  # slow is not dead


@pytest.fixture
def server():
    """Starts servers; ends them after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda image: stack.enter_context(contextlib.closing(Server(image)))


@pytest.mark.parametrize("end,packed", [("ctrl-c", "off"), ("ctrl-c", "on"), ("deadline", "off")])
@pytest.mark.parametrize("name", FROZEN_BOARDS)
def test_a_disk_that_stops_answering_and_comes_back(name, end, packed, server, tmp_path, machines):
    """The command ends while the disk still hangs, its memory is nobody's, everything else works; and once the disk answers it
    works with the next command, at the same place."""
    frozen = Frozen(machines, name, server, tmp_path, packed)
    machine, address = frozen.machine, frozen.address
    frozen.check_read(0)
    for _ in range(2):
        frozen.give_up(end)
        frozen.check_read(1, frozen.elsewhere)
        refused = machine.command(f"load virtio 1 {address:x} file")
        assert refused.count("\n") == 1 and "belongs to unfinished disk requests" in refused, refused
        assert machine.status() == 1
        assert "1048576 bytes read" in machine.command(f"load virtio 1 {frozen.elsewhere:x} file")
        listing = machine.command("virtio list")
        assert "state set aside: does not answer" in listing and "state running" in listing
        warning = machine.command("virtio scan")
        assert warning.count("\n") == 1 and "device does not answer, it holds " in warning, warning
        machine.command("virtio device 0")
        text = machine.command(f"virtio read {address:x} 0 800")
        assert "ERROR: timed out (device does not answer, it holds " in text and machine.status() == 1, text

        frozen.server.thaw()
        assert "2048 blocks read: OK" in machine.command(f"virtio read {address:x} 0 800")
        frozen.check_read(0)
        frozen.check_read(1)
        assert machine.command("virtio list").count("state running") == 2
        assert "unfinished" not in machine.command("bdinfo")
        if end == "deadline":
            break


@pytest.mark.parametrize("name", FROZEN_BOARDS)
def test_a_write_to_a_frozen_disk_writes_what_it_was_given(name, server, tmp_path, machines):
    """Also if it arrives long after the command has ended: its memory cannot be changed meanwhile."""
    frozen = Frozen(machines, name, server, tmp_path, "off")
    machine, address = frozen.machine, frozen.address
    machine.command(f"mw.b {address:x} 5a 100000")
    frozen.server.freeze()
    machine.send(f"virtio write {address:x} 0 800\r")
    machine.expect("count 2048 \\.\\.\\. ")
    machine.wait_processor_idle(0.2)
    machine.send("\x03")
    frozen.expect_error(machine.timeout)
    assert "belongs to unfinished disk requests" in machine.command(f"mw.b {address:x} 0 100000")
    frozen.server.thaw()
    assert "2048 blocks read: OK" in machine.command(f"virtio read {frozen.elsewhere:x} 0 800")
    assert crc(machine, frozen.elsewhere, images.MIB) == zlib.crc32(b"\x5a" * images.MIB)


@pytest.mark.parametrize("name", FROZEN_BOARDS)
def test_a_late_answer_does_not_reach_what_was_allocated_since(name, server, tmp_path, machines):
    """A block cache that a frozen disk was to fill lies in the heap, and the command that made it has ended."""
    frozen = Frozen(machines, name, server, tmp_path, "off")
    machine = frozen.machine
    frozen.server.freeze()
    machine.send("fstype virtio 0\r")
    machine.expect("fstype virtio 0")
    machine.wait_processor_idle(0.3)
    machine.send("\x03")
    machine.expect(vm.PROMPT_AT_LINE_START)
    assert machine.status() == 1
    for thaws in (False, True):
        if thaws:
            frozen.server.thaw()
        for _ in range(3):
            assert "file" in machine.command("ls virtio 1")
            assert "1048576 bytes read" in machine.command(f"load virtio 1 {frozen.address:x} file")
            assert crc(machine, frozen.address, images.MIB) == zlib.crc32((tmp_path / "root" / "file").read_bytes())
    frozen.check_read(0)


@pytest.mark.parametrize("name", FROZEN_BOARDS)
def test_a_reset_of_a_frozen_disk_waits_and_says_so(name, server, tmp_path, machines):
    """QEMU 7.2 waits for the server inside the register write, the machine with it. So Vireo does that only when it is told to, or
    has to: before the machine is switched off."""
    frozen = Frozen(machines, name, server, tmp_path, "off")
    machine = frozen.machine
    for command, ending in (("virtio reset 0", vm.PROMPT_AT_LINE_START), ("poweroff", None)):
        frozen.give_up()
        machine.send(command + "\r")
        machine.expect("device is reset while it holds [0-9]+ requests?; that may take until the host's storage answers")
        frozen.server.thaw()
        if ending:
            machine.expect(ending, timeout=10 + machine.timeout)
            frozen.check_read(0)
        else:
            machine.wait_exit()


@pytest.mark.parametrize("name", FROZEN_BOARDS)
def test_a_queue_that_hangs_is_reset_on_request(name, server, tmp_path, machines):
    """QEMU 7.2 confirms the reset of a queue before it is true (docs/decisions/0017-queue-resets-on-request.md), so the way back is
    a reset of the whole device, which the changed wish makes the scan do."""
    frozen = Frozen(machines, name, server, tmp_path, "off")
    machine = frozen.machine
    assert machine.command("virtio features 0 ring_reset on; virtio scan") == ""
    frozen.check_read(0)
    frozen.give_up()
    frozen.check_read(1)
    frozen.server.thaw()
    machine.wait_processor_idle(0.2)  # what QEMU still has from the read arrives
    assert machine.command("virtio features 0 ring_reset default; virtio scan") == ""
    frozen.check_read(0)
    frozen.check_read(1)
    assert machine.command("virtio list").count("state running") == 2


def test_a_server_that_dies_is_an_error(board, server, tmp_path, machines):
    image = images.patterned(tmp_path / "served.img", images.MIB)
    served = server(image)
    machine = machines.boot(board, served.arguments(0))
    address = LOAD[board.name]
    assert "2048 blocks read: OK" in machine.command(f"virtio read {address:x} 0 800")
    served.close()
    for command in (f"virtio read {address:x} 0 800", f"virtio write {address:x} 0 800"):
        text = machine.command(command)
        assert "ERROR: " in text and machine.status() == 1, text
    assert machine.command("echo alive").strip() == "alive"


@pytest.mark.parametrize("transport", ["pci", "mmio"])
def test_a_change_of_size_is_seen(board, transport, tmp_path, machines):
    """`block_resize` over QMP, larger and smaller; no scan is needed."""
    if transport == "mmio" and not board.has_mmio:
        pytest.skip("no MMIO on this machine")
    image = images.blank(tmp_path / "disk.img", images.MIB)
    with qmp.Monitor() as monitor:
        machine = machines.boot(board, [*monitor.arguments, *vm.disk(0, image, transport)])
        address = LOAD[board.name]
        assert "(2048 x 512)" in machine.command("virtio info")
        for mib in (4, 2):
            monitor.command("block_resize", device="hd0", size=mib * images.MIB)
            assert f"Capacity: {mib}.0 MB = 0.0 GB ({mib * 2048} x 512)" in machine.command("virtio info")
            last = mib * 2048 - 1
            assert "1 blocks written: OK" in machine.command(f"virtio write {address:x} {last:x} 1")
            text = machine.command(f"virtio read {address:x} {last:x} 2")
            assert "ERROR: beyond the end" in text and machine.status() == 1
