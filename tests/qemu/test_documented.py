# SPDX-License-Identifier: Apache-2.0
"""The command lines and commands of U-Boot's VirtIO page, run as they are printed there.

Two changes: `-netdev user` takes the place of a tap where none can be made, and `disable-legacy=true` is written `on`, which
means the same and is what QEMU 7.2 takes.
"""

import contextlib
import fcntl
import os
import re
import shlex
import struct

import pytest

import images
import vm
from conftest import build_folder

MMIO = """-netdev tap,ifname=tap0,id=net0 -device virtio-net-device,netdev=net0
  -drive if=none,file=test.img,format=raw,id=hd0 -device virtio-blk-device,drive=hd0"""
PCI = """-netdev tap,ifname=tap0,id=net0 -device virtio-net-pci,netdev=net0
  -drive if=none,file=test.img,format=raw,id=hd0 -device virtio-blk-pci,drive=hd0"""
MIXED = """-netdev tap,ifname=tap0,id=net0 -device virtio-net-pci,netdev=net0
  -drive if=none,file=test0.img,format=raw,id=hd0 -device virtio-blk-device,drive=hd0
  -drive if=none,file=test1.img,format=raw,id=hd1 -device virtio-blk-pci,drive=hd1"""
MODERN = """-netdev tap,ifname=tap0,id=net0
  -device virtio-net-pci,netdev=net0,disable-legacy=on,disable-modern=off
  -drive if=none,file=test.img,format=raw,id=hd0
  -device virtio-blk-pci,drive=hd0,disable-legacy=on,disable-modern=off"""

# What `help virtio` must begin with, word for word.
USAGE = """virtio - virtio block devices sub-system

Usage:
virtio scan - initialize virtio bus
virtio info - show all available virtio block devices
virtio device [dev] - show or set current virtio block device
virtio part [dev] - print partition table of one or all virtio block devices
virtio read addr blk# cnt - read `cnt' blocks starting at block
     `blk#' to memory address `addr'
virtio write addr blk# cnt - write `cnt' blocks starting at block
     `blk#' from memory address `addr'
"""

LISTING = """<DIR>       4096 .
<DIR>       4096 ..
<DIR>      16384 lost+found
"""


@contextlib.contextmanager
def network():
    """`tap` if this machine can make one and nobody else uses it, else `user`."""
    with open("/tmp/vireo-tap0.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with open("/dev/net/tun", "rb+", buffering=0) as tun:
                # TUNSETIFF, IFF_TAP | IFF_NO_PI
                fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", b"tap0", 0x1002))
            yield "tap,ifname=tap0"
        except OSError:
            yield "user"


def literal(board, arguments, folder, netdev):
    """The line as printed, in the folder that holds its images."""
    words = shlex.split(arguments.replace("tap,ifname=tap0", netdev).replace("file=", f"file={folder}/"))
    return board.command(build_folder(board), words)


@pytest.fixture
def folder(tmp_path):
    images.documented(tmp_path / "test.img", tmp_path / "root")
    os.link(tmp_path / "test.img", tmp_path / "test0.img")
    images.documented(tmp_path / "test1.img", tmp_path / "root1", 32 * images.MIB)
    return tmp_path


def info(number, mib):
    blocks = mib * 2048
    return (f"Device {number}: QEMU VirtIO Block Device\n"
            f"            Type: Hard Disk\n"
            f"            Capacity: {mib}.0 MB = {mib // 1024}.{mib % 1024 * 10 // 1024} GB ({blocks} x 512)\n")


def check_documented_commands(machine, disks=((0, 64),)):
    assert machine.command("virtio scan") == ""
    assert machine.status() == 0
    assert machine.command("virtio info") == "".join(info(number, mib) for number, mib in disks)
    listing = machine.command("ls virtio 0 /")
    assert listing.startswith(LISTING), listing
    lines = listing.splitlines()
    for line in ("<DIR>       4096 dev", "<DIR>       4096 root", "<SYM>          7 bin", "<SYM>          9 lib64",
                 "               0 .autorelabel"):
        assert line in lines, f"{line!r} not in\n{listing}"
    assert machine.status() == 0


LINES = [
    *[pytest.param(name, MMIO, id=f"{name}-mmio") for name in vm.BOARDS if vm.BOARDS[name].has_mmio],
    *[pytest.param(name, PCI, id=f"{name}-pci") for name in vm.BOARDS],
    *[pytest.param(name, MODERN, id=f"{name}-modern") for name in vm.BOARDS],
]


@pytest.mark.parametrize("name,arguments", LINES)
def test_documented_line(name, arguments, folder, machines):
    board = vm.BOARDS[name]
    with network() as netdev:
        machine = machines.start(literal(board, arguments, folder, netdev))
        machine.boot()
        check_documented_commands(machine)
        machine.close()


@pytest.mark.parametrize("name", [name for name in vm.BOARDS if vm.BOARDS[name].has_mmio])
def test_documented_mixed_line(name, folder, machines):
    board = vm.BOARDS[name]
    with network() as netdev:
        machine = machines.start(literal(board, MIXED, folder, netdev))
        machine.boot()
        # MMIO devices come before PCI devices, on every board.
        check_documented_commands(machine, disks=((0, 64), (1, 32)))
        machine.close()


def test_banner_and_prompt(board, machines):
    machine = machines.boot(board)
    assert re.search(r"^Vireo \d+\.\d+\.\d+(-[0-9a-f]{7,}(-dirty)?)? \(.*\)$", machine.banner, re.M)
    assert re.search(r"^DRAM:  128 MiB$", machine.banner, re.M)
    assert "Hit any key" not in machine.banner  # bootcmd is not set


def test_help_virtio_is_the_documented_usage(board, machines):
    machine = machines.boot(board)
    assert machine.command("help virtio").startswith(USAGE)
    for wrong in ("virtio", "virtio bogus", "virtio info 1", "virtio device 1 2", "virtio part 1 2", "virtio read",
                  "virtio read 42000000", "virtio read 42000000 0", "virtio write 42000000 0"):
        assert machine.command(wrong).startswith(USAGE), wrong
        assert machine.status() == 1, wrong


def test_documented_sizes(board, tmp_path, machines):
    """The documentation's own example: 8388608 blocks."""
    images.blank(tmp_path / "big.img", 4096 * images.MIB)
    machine = machines.boot(board, vm.disk(0, tmp_path / "big.img"))
    assert machine.command("virtio info") == ("Device 0: QEMU VirtIO Block Device\n"
                                              "            Type: Hard Disk\n"
                                              "            Capacity: 4096.0 MB = 4.0 GB (8388608 x 512)\n")


@pytest.mark.parametrize("transport", ["pci", "mmio"])
@pytest.mark.parametrize("count", [8, 24])
def test_many_disks(board, transport, count, tmp_path, machines):
    if transport == "mmio" and (not board.has_mmio or (count > 8 and "riscv" in board.name)):
        pytest.skip("this machine has no slots for them")
    arguments = []
    for index in range(count):
        image = images.blank(tmp_path / f"{index}.img", (index + 1) * images.MIB)
        arguments += vm.disk(index, image, transport)
    machine = machines.boot(board, arguments)
    sizes = [(index + 1) for index in range(count)]
    if transport == "mmio" and "arm" in board.name:
        sizes.reverse()  # QEMU gives the first -device the highest slot
    assert machine.command("virtio info") == "".join(info(number, mib) for number, mib in enumerate(sizes))


def test_a_machine_with_only_a_nic_has_no_disk_and_no_error(board, machines):
    machine = machines.boot(board, ["-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n"])
    assert "warning" not in machine.banner
    listing = machine.command("virtio list")
    assert re.search(r"(?m)^0: .*\bnet\b", listing), listing
    assert machine.command("virtio scan") == ""
    assert machine.command("virtio info") == ""
    assert machine.status() == 0
