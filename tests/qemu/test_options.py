# SPDX-License-Identifier: Apache-2.0
"""Each option of QEMU's block device that changes what is negotiated: a row is one test for each board on PCI, and for two on MMIO.
Features wished off and on, statistics, erase and discard."""

import dataclasses
import re
import zlib

import pytest

import images
import vm
from rows import pairs
from test_matrix import LOAD, crc

MODERN_PCI = ",disable-legacy=on"


@dataclasses.dataclass(frozen=True)
class Option:
    properties: str
    accepted: tuple = ()  # must be among the features in use
    refused: tuple = ()  # must not
    entries: int = 0  # of each queue
    queues: int = 1
    block: int = 512


OPTIONS = {
    "packed": Option(",packed=on", accepted=("RING_PACKED",)),
    "packed-no-event": Option(",packed=on,event_idx=off", accepted=("RING_PACKED",), refused=("EVENT_IDX",)),
    "packed-direct": Option(",packed=on,indirect_desc=off", accepted=("RING_PACKED",), refused=("INDIRECT_DESC",)),
    "packed-plain-4": Option(",packed=on,event_idx=off,indirect_desc=off,queue-size=4", accepted=("RING_PACKED",), entries=4),
    "packed-4-queues": Option(",packed=on,num-queues=4,queue-size=16", accepted=("RING_PACKED", "MQ"), entries=16, queues=4),
    "no-event": Option(",event_idx=off", refused=("EVENT_IDX", "RING_PACKED")),
    "direct": Option(",indirect_desc=off", refused=("INDIRECT_DESC",)),
    "plain": Option(",event_idx=off,indirect_desc=off", refused=("EVENT_IDX", "INDIRECT_DESC")),
    "4-queues": Option(",num-queues=4", accepted=("MQ",), queues=4),
    "queue-4": Option(",queue-size=4", entries=4),
    "queue-16": Option(",queue-size=16", entries=16),
    "queue-1024": Option(",queue-size=1024"),
    "platform": Option(",iommu_platform=on", accepted=("ACCESS_PLATFORM",)),
    "packed-platform": Option(",iommu_platform=on,packed=on", accepted=("ACCESS_PLATFORM", "RING_PACKED")),
    "4k-blocks": Option(",logical_block_size=4096,physical_block_size=4096", accepted=("BLK_SIZE",), block=4096),
}
# PCI on every board; MMIO, whose rings are the same code, on one board of each word size and
# byte-order family.
MMIO_BOARDS = ("qemu_arm", "qemu-riscv64")
CASES = [pytest.param(vm.BOARDS[name], transport, option, id=f"{name}-{transport}-{option}")
         for name, transport, option in pairs(vm.BOARDS, ("pci", "mmio"), OPTIONS,
                                              allowed=lambda name, transport, _: transport == "pci" or name in MMIO_BOARDS)]


def attach(index, image, transport, properties):
    """A modern disk with the properties."""
    return vm.disk(index, image, transport, device=(MODERN_PCI if transport == "pci" else "") + properties)


def device_of(listing, number):
    """What `virtio list` says of `virtio NUMBER`."""
    parts = re.split(r"(?m)^(?=\d+: )", listing)
    return next(part for part in parts if f"-> virtio {number}" in part.split("\n")[0])


def words_after(part, label):
    """The features behind a label, which may take several lines."""
    found = re.search(rf"(?m)^     {label} +([A-Z_0-9 \n]*?)(?=^     [a-z]|\Z)", part)
    assert found, part
    return found[1].split()


def numbers_of(transport, name):
    """The numbers of the first and the second disk of the command line: QEMU's Arm machine fills its slots from the top."""
    return (1, 0) if transport == "mmio" and "arm" in name else (0, 1)


@pytest.mark.parametrize("board,transport,name", CASES)
def test_option(board, transport, name, tmp_path, machines):
    option = OPTIONS[name]
    files = images.documented(tmp_path / "files.img", tmp_path / "root", 8 * images.MIB)
    image = images.patterned(tmp_path / "disk.img", 4 * images.MIB)
    content = image.read_bytes()
    modern = ["-global", "virtio-mmio.force-legacy=false"] if transport == "mmio" else []
    machine = machines.boot(board, [*modern, *attach(0, files, transport, option.properties),
                                    *attach(1, image, transport, option.properties)])
    with_files, plain = numbers_of(transport, board.name)

    device = device_of(machine.command("virtio list"), plain)
    accepted = words_after(device, "accepted")
    assert "VERSION_1" in accepted and set(option.accepted) <= set(accepted), device
    assert not set(option.refused) & set(accepted), device
    queues = re.findall(r"^     queue (\d+) +\S+: (\d+) entries", device, re.M)
    assert len(queues) == option.queues, device
    if option.entries and transport == "pci":  # QEMU's MMIO offers 1024 whatever queue-size says
        assert all(int(entries) == option.entries for _, entries in queues), device

    assert "<SYM>          7 bin\n" in machine.command(f"ls virtio {with_files} /")
    address, size = LOAD[board.name], option.block
    assert "... is now current device" in machine.command(f"virtio device {plain}")
    count = len(content) // size
    assert f"{count} blocks read: OK" in machine.command(f"virtio read {address:x} 0 {count:x}")
    assert crc(machine, address, len(content)) == zlib.crc32(content)
    # Many small reads, so that small rings fill up and wrap around.
    assert "reads/s" in machine.command(f"virtio bench {plain} 400")
    assert f"{count - 3} blocks written: OK" in machine.command(f"virtio write {address:x} 3 {count - 3:x}")
    assert machine.status() == 0
    machine.close()
    assert image.read_bytes() == content[:3 * size] + content[:-3 * size]


@pytest.mark.parametrize("name", vm.BOARDS)
def test_features_can_be_forced_off_and_on(name, tmp_path, machines):
    """For diagnosis: a wish, the next scan, the device runs without the feature and reads the same."""
    board = vm.BOARDS[name]
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, attach(0, image, "pci", ",packed=on,num-queues=2"))
    address = LOAD[board.name]

    def accepted():
        return words_after(machine.command("virtio list"), "accepted")

    def read_all():
        machine.command(f"mw.b {address:x} 0 {images.MIB:x}")
        assert "2048 blocks read: OK" in machine.command(f"virtio read {address:x} 0 800")
        assert crc(machine, address, images.MIB) == zlib.crc32(image.read_bytes())

    assert {"RING_PACKED", "EVENT_IDX", "INDIRECT_DESC", "MQ"} <= set(accepted())
    read_all()
    for feature in ("RING_PACKED", "event_idx", "Indirect_Desc", "mq"):
        assert machine.command(f"virtio features 0 {feature} off; virtio scan") == ""
        assert feature.upper() not in accepted()
        read_all()
    assert "VERSION_1" in accepted()
    text = machine.command("virtio features 0 version_1 off")
    assert len(text.strip().splitlines()) == 1 and machine.status() == 1, text
    machine.command("virtio features 0 packed on")  # no such name
    assert machine.status() == 1
    assert machine.command("virtio features 0 ring_packed default; virtio features 0 event_idx on; virtio scan") == ""
    assert {"RING_PACKED", "EVENT_IDX"} <= set(accepted()) and "MQ" not in accepted()
    read_all()
    listing = machine.command("virtio features 0")
    assert machine.status() == 0 and "RING_PACKED" in listing and "MQ" in listing, listing
    for nonsense in ("virtio features", "virtio features 0 mq maybe"):
        assert "Usage:" in machine.command(nonsense), nonsense
        assert machine.status() == 1
    machine.command("virtio features 9")
    assert machine.status() == 1


def test_statistics_count_what_the_user_did(board, tmp_path, machines):
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, vm.disk(0, image))
    machine.command("virtio stats reset")
    assert "2048 blocks read: OK" in machine.command(f"virtio read {LOAD[board.name]:x} 0 800")
    text = machine.command("virtio stats 0")
    assert machine.status() == 0
    numbers = {line.split()[0]: [int(number) for number in re.findall(r"\b\d+\b", line)] for line in text.splitlines()[1:]}
    made, completed = numbers["requests"]
    to_device, from_device = numbers["bytes"]
    # A request's header has 16 bytes, its status one. 1 MiB is few requests, and each is
    # announced at most once.
    assert made == completed and 1 <= made <= 4, text
    assert (to_device, from_device) == (16 * made, images.MIB + made), text
    assert 1 <= numbers["notifications"][0] <= made and numbers["resets"] == [0, 0, 0], text
    assert numbers["register"][0] > 0, text
    machine.command("virtio features 0 event_idx off; virtio scan")
    assert "resets        1 of the device" in machine.command("virtio stats 0")
    machine.command("virtio stats 9")
    assert machine.status() == 1


def allocated(path):
    return path.stat().st_blocks * 512


def test_erase_writes_zeroes_and_discard_frees_the_hosts_space(board, tmp_path, machines):
    image = images.patterned(tmp_path / "disk.img", 8 * images.MIB)
    content = image.read_bytes()
    before = allocated(image)
    machine = machines.boot(board, vm.disk(0, image, drive=",discard=unmap"))
    assert "4096 blocks erased: OK" in machine.command("virtio erase 800 1000")
    assert machine.status() == 0
    zeroes = bytes(2 * images.MIB)
    expected = content[:images.MIB] + zeroes + content[3 * images.MIB:]
    assert image.read_bytes() == expected
    assert "8192 blocks erased: OK" in machine.command("virtio erase -d 2000 2000")
    assert machine.status() == 0
    machine.command(f"virtio read {LOAD[board.name]:x} 2000 2000")
    assert crc(machine, LOAD[board.name], 4 * images.MIB) == zlib.crc32(bytes(4 * images.MIB))
    machine.close()
    assert image.read_bytes() == expected[:4 * images.MIB] + bytes(4 * images.MIB)
    assert allocated(image) <= before - 3 * images.MIB


def test_erase_refuses_what_is_wrong(board, tmp_path, machines):
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    content = image.read_bytes()
    machine = machines.boot(board, vm.disk(0, image, drive=",readonly=on"))
    for words in ("0 1", "-d 0 1", "800 1", "ffffffffffffffff 2", "7ff 2", "zz 1", "0 --1"):
        text = machine.command(f"virtio erase {words}")
        assert "OK" not in text and machine.status() == 1, (words, text)
    assert "Usage:" in machine.command("virtio erase 0")
    machine.close()
    assert image.read_bytes() == content


# covers: gen.resbits.04
@pytest.mark.parametrize("name", [name for name, board in vm.BOARDS.items() if not board.has_mmio])
def test_addresses_mean_the_same_behind_an_iommu(name, tmp_path, machines):
    """After a reset the IOMMU is off and lets every address through; Vireo leaves it that way."""
    board = vm.BOARDS[name]
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, ["-machine", "q35", "-device", "intel-iommu", *attach(0, image, "pci", ",iommu_platform=on")])
    assert "ACCESS_PLATFORM" in words_after(machine.command("virtio list"), "accepted")
    assert "2048 blocks read: OK" in machine.command(f"virtio read {LOAD[name]:x} 0 800")
    assert crc(machine, LOAD[name], images.MIB) == zlib.crc32(image.read_bytes())
