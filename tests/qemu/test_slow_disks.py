# SPDX-License-Identifier: Apache-2.0
"""A host that stands still for 25 s, and one that throttles a disk to 16 KiB/s: neither is a disk that gives nothing."""

import contextlib
import os
import signal
import time
import zlib

import pytest

import images
import vm
from test_faults import FROZEN_BOARDS
from test_matrix import LOAD, crc

PAUSE = 25  # seconds, more than a disk may be silent


def file_image(tmp_path, size):
    """A file system with one file of so many bytes, in one piece; the file's checksum."""
    root = tmp_path / "root"
    root.mkdir()
    images.patterned(root / "file", size, seed=5)
    return images.ext(tmp_path / "disk.img", root, size=8 * images.MIB), zlib.crc32((root / "file").read_bytes())


@contextlib.contextmanager
def standing_still(machine):
    os.kill(machine.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(machine.pid, signal.SIGCONT)


@pytest.mark.parametrize("name", FROZEN_BOARDS)
@pytest.mark.parametrize("device", ["pci,disable-legacy=on", "device"])
def test_a_host_that_stands_still_in_a_bench(name, device, tmp_path, machines):
    if device == "device" and name == "qemu-x86":
        pytest.skip("no MMIO devices on this machine")
    image = images.patterned(tmp_path / "disk.img", 4 * images.MIB)
    machine = machines.boot(vm.BOARDS[name], ["-drive", f"if=none,format=raw,id=hd0,file={image},throttling.iops-total=200",
                                              "-device", f"virtio-blk-{device},drive=hd0"])
    machine.send("virtio bench 0 200\r")  # 512 blocks for each number in flight: 2.5 s each
    machine.expect("in flight")
    with standing_still(machine):
        time.sleep(PAUSE)
    text, _ = machine.expect(vm.PROMPT_AT_LINE_START)
    assert "timed out" not in text and "ERROR" not in text, text
    assert machine.status() == 0
    assert "state running" in machine.command("virtio list")


@pytest.mark.parametrize("name", FROZEN_BOARDS)
def test_a_host_that_stands_still_in_a_load(name, tmp_path, machines):
    image, sum_of_file = file_image(tmp_path, 777777)
    machine = machines.boot(vm.BOARDS[name], vm.disk(0, image, drive=",throttling.bps-read=131072"))
    address = LOAD[name]
    machine.send(f"load virtio 0 {address:x} file\r")
    machine.wait_processor_idle(2)  # in the middle of it
    with standing_still(machine):
        time.sleep(PAUSE)
    text, _ = machine.expect(vm.PROMPT_AT_LINE_START)
    assert "777777 bytes read" in text, text
    assert machine.status() == 0
    assert crc(machine, address, 777777) == sum_of_file


@pytest.mark.parametrize("name", FROZEN_BOARDS)
def test_a_disk_of_16_kib_a_second(name, tmp_path, machines):
    """47 s for a file that one request could ask for, and the disk is never silent for 20."""
    image, sum_of_file = file_image(tmp_path, 777777)
    machine = machines.boot(vm.BOARDS[name], vm.disk(0, image, drive=",throttling.bps-read=16384"))
    address = LOAD[name]
    started = time.monotonic()
    text = machine.command(f"load virtio 0 {address:x} file", timeout=180)
    assert "777777 bytes read" in text, text
    assert time.monotonic() - started > 30
    assert machine.status() == 0
    assert crc(machine, address, 777777) == sum_of_file
    assert "777777" in machine.command("ls virtio 0", timeout=60)  # and what comes after it
    assert "state running" in machine.command("virtio list")
