# SPDX-License-Identifier: Apache-2.0
"""Bad input: one clear line for each, nothing lost, and the prompt comes back, on split and on packed rings. What a device can do wrong
beyond this is proven against the hosted fakes (tests/unit/virtio)."""

import os
import re
import struct
import time
import zlib

import pytest

import images
import vm
from rows import pairs
from test_matrix import LOAD, crc

TIB = 1 << 40


# All of it on both ring formats, as properties of each disk: split on every board, packed on a
# 64-bit and a 32-bit one.
PACKED_BOARDS = ("qemu_arm64", "qemu-x86")
RINGS = {"split": "", "packed": ",disable-legacy=on,packed=on"}


def with_rings(values=("",), fits=lambda board, value: True):
    """Boards, rings and values that fit each other."""
    rows = pairs(vm.BOARDS, RINGS, values, allowed=lambda name, ring, value:
                 (ring == "split" or name in PACKED_BOARDS) and fits(vm.BOARDS[name], value))
    return [pytest.param(vm.BOARDS[name], RINGS[ring], value, id=f"{name}-{ring}-{value}".rstrip("-")) for name, ring, value in rows]


on_both_rings = pytest.mark.parametrize("board,ring", [pytest.param(*row.values[:2], id=row.id) for row in with_rings()])


def one_line(machine, command, *words):
    """The command fails with one non-empty line that has each of `words`; the prompt is back."""
    text = machine.command(command)
    lines = [line for line in text.splitlines() if line.strip()]
    assert len(lines) == 1, f"{command}: {text!r}"
    for word in words:
        assert re.search(word, lines[0]), f"{command}: {word!r} not in {lines[0]!r}"
    assert machine.status() == 1, command
    return lines[0]


def test_no_disk(board, machines):
    machine = machines.boot(board)
    assert machine.command("virtio info") == ""
    assert machine.command("virtio device").strip() == "no virtio devices available"
    assert machine.status() == 1
    assert machine.command("virtio part").strip() == "no virtio partition table available"
    one_line(machine, f"virtio read {LOAD[board.name]:x} 0 1", "no virtio devices|not available|no .*device")
    for command in ("ls virtio 0 /", "load virtio 0 $loadaddr x", "size virtio 0 x", "part list virtio 0", "fstype virtio 0"):
        text = machine.command(command)
        assert "** Bad device specification virtio 0 **" in text, command
        assert machine.status() == 1
    assert machine.command("rng").strip() == "No RNG device"


@pytest.mark.parametrize("board,ring,size", with_rings([0, 1, 511, 513, 1000, 512 * 3 + 7]))
def test_disk_of_zero_or_odd_size(board, ring, size, tmp_path, machines):
    image = images.patterned(tmp_path / "odd.img", size) if size else images.blank(tmp_path / "odd.img", 0)
    machine = machines.boot(board, vm.disk(0, image, device=ring))
    # QEMU rounds an odd size up to whole sectors itself.
    assert re.search(r"Capacity: 0\.0 MB = 0\.0 GB \(\d x 512\)", machine.command("virtio info"))
    machine.command("ls virtio 0 /")
    assert machine.status() == 1
    machine.command(f"virtio read {LOAD[board.name]:x} 9 1")
    assert machine.status() == 1


@on_both_rings
def test_numbers_beyond_the_disk_and_near_2_to_the_64(board, ring, tmp_path, machines):
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, vm.disk(0, image, device=ring))
    a = LOAD[board.name]
    for block, count in (("800", "1"), ("7ff", "2"), ("0", "801"), ("ffffffffffffffff", "1"), ("fffffffffffffffe", "4"),
                         ("8000000000000000", "1"), ("100000000", "1"), ("ffffffff", "1")):
        for direction in ("read", "write"):
            text = machine.command(f"virtio {direction} {a:x} {block} {count}")
            assert "OK" not in text and machine.status() == 1, (direction, block, count, text)
    for bad in ("xyz 0 1", f"{a:x} zz 1", f"{a:x} 0 --1", f"{a:x} 0 10000000000000000"):
        machine.command(f"virtio read {bad}")
        assert machine.status() == 1, bad
    assert "0 blocks read: OK" in machine.command(f"virtio read {a:x} 0 0")
    assert "2048 blocks read: OK" in machine.command(f"virtio read {a:x} 0 800")
    assert crc(machine, a, images.MIB) == zlib.crc32(image.read_bytes())


@on_both_rings
def test_u_boot_defect_1_count_whose_buffer_leaves_ram(board, ring, tmp_path, machines):
    """U-Boot spins for ever: QEMU marks the device broken and nothing looks."""
    image = images.blank(tmp_path / "disk.img", 4 << 30)
    machine = machines.boot(board, vm.disk(0, image, device=ring))
    for count in ("400000", "7fffff", "ffffffff", "ffffffffffffffff"):
        text = machine.command(f"virtio read {LOAD[board.name]:x} 0 {count}")
        assert "OK" not in text and machine.status() == 1, text
    assert "1 blocks read: OK" in machine.command(f"virtio read {LOAD[board.name]:x} 0 1")


@on_both_rings
def test_u_boot_defect_4_addresses_outside_ram_or_over_vireo(board, ring, tmp_path, machines):
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, vm.disk(0, image, device=ring))
    reserved = re.findall(r"0x([0-9a-f]+)\s*[-.]+\s*0x([0-9a-f]+).*[Vv]ireo", machine.command("bdinfo"))
    assert reserved, machine.command("bdinfo")
    inside = [int(start, 16) for start, _ in reserved]
    outside = [0xF0000000, 0xFFFFFFFFFFFFFFF0] + ([0x1000] if board.has_mmio else [])
    for address in [*inside, *outside]:
        for command in (f"virtio read {address:x} 0 1", f"load virtio 0 {address:x} /x"):
            text = machine.command(command)
            assert "OK" not in text and machine.status() == 1, (command, text)
    for address in inside:
        text = machine.command(f"mw.l {address:x} 0 1")
        assert machine.status() == 1, (address, text)
    # These ask the processor. A PC answers for addresses where nothing is; riscv has its reset
    # vector at 0x1000.
    answered = 0xF0000000 if "x86" in board.name else 0x1000 if "riscv" in board.name else None
    for address in outside:
        for command in (f"mw.l {address:x} 0 1", f"md {address:x} 1", f"crc32 {address:x} 10"):
            text = machine.command(command)
            assert machine.status() == (0 if address == answered else 1), (command, text)
            assert len(text.strip().splitlines()) <= 1, (command, text)
    assert machine.command("echo alive").strip() == "alive"


@pytest.mark.parametrize("board,ring,transport", with_rings(["pci", "mmio"], lambda board, transport: transport == "pci" or board.has_mmio))
def test_u_boot_defect_10_a_3_tib_disk(board, ring, transport, tmp_path, machines):
    """32-bit U-Boot boards truncate the capacity and write block 0 instead of block 2^32."""
    if transport == "mmio":
        ring = ring.replace(",disable-legacy=on", "")
    path = tmp_path / "huge.img"
    images.blank(path, 3 * TIB)
    marker = os.urandom(512)
    with open(path, "r+b") as file:
        file.seek((1 << 32) * 512)
        file.write(marker)
    modern = ["-global", "virtio-mmio.force-legacy=false"] if ring else []
    machine = machines.boot(board, [*modern, *vm.disk(0, path, transport, device=ring)])
    assert "Capacity: 3145728.0 MB = 3072.0 GB (6442450944 x 512)" in machine.command("virtio info")
    a = LOAD[board.name]
    assert "1 blocks read: OK" in machine.command(f"virtio read {a:x} 100000000 1")
    assert crc(machine, a, 512) == zlib.crc32(marker)
    assert "1 blocks written: OK" in machine.command(f"virtio write {a:x} 17fffffff 1")
    machine.close()
    with open(path, "rb") as file:
        assert file.read(512) == bytes(512)
        file.seek(3 * TIB - 512)
        assert file.read(512) == marker


@on_both_rings
def test_u_boot_defect_5_and_6_missing_words_and_long_lines(board, ring, tmp_path, machines):
    image = images.blank(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, vm.disk(0, image, device=ring))
    assert "Usage:" in machine.command(f"virtio read {LOAD[board.name]:x} 0")
    assert machine.command("echo " + "z" * 1500, timeout=30).strip() == "z" * 1500
    words = " ".join(str(number) for number in range(100))
    machine.command(f"echo {words}")
    assert machine.command("echo fine").strip() == "fine"


def corrupt(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


@on_both_rings
def test_corrupt_superblock_and_not_a_file_system(board, ring, tmp_path, machines):
    good = images.documented(tmp_path / "0.img", tmp_path / "root")
    data = good.read_bytes()
    arguments = []
    changes = [(0x438, b"\x00\x00"), (0x418, struct.pack("<I", 99)), (0x420, struct.pack("<I", 0)), (0x428, struct.pack("<I", 0)),
               (0x404, struct.pack("<I", 0xFFFFFFFF)), (0x460, struct.pack("<I", 0xFFFFFFFF)), (0x458, struct.pack("<H", 7))]
    for index, (offset, change) in enumerate(changes):
        path = tmp_path / f"bad{index}.img"
        path.write_bytes(data)
        corrupt(path, offset, change)
        arguments += vm.disk(index, path, device=ring)
    machine = machines.boot(board, arguments)
    for index in range(len(changes)):
        text = machine.command(f"ls virtio {index:x} /")
        assert text.strip() and "<DIR>" not in text and len(text.strip().splitlines()) <= 2, text
        assert machine.status() == 1


@on_both_rings
def test_gpt_with_one_bad_header_and_mbr_nonsense(board, ring, tmp_path, machines):
    script = "label: gpt\nstart=2048, size=65536, name=first\n"
    paths = []
    for name in ("primary", "backup", "both", "entries", "loop", "beyond"):
        path = images.blank(tmp_path / f"{name}.img", 64 * images.MIB)
        if name in ("loop", "beyond"):
            images.partition(path, "label: dos\nstart=2048, size=2048, type=83\nstart=4096, size=60000, type=5\nstart=6144, size=2048, type=83\n")
        else:
            images.partition(path, script)
        paths.append(path)
    primary, backup, both, entries, loop, beyond = paths
    corrupt(primary, 512 + 24, b"\xff" * 8)
    corrupt(backup, 64 * images.MIB - 512, b"\x00" * 512)
    corrupt(both, 512, b"\x00" * 512)
    corrupt(both, 64 * images.MIB - 512, b"\x00" * 512)
    corrupt(entries, 1024 + 40, b"\xff" * 8)  # the primary's entries: CRC wrong, the backup's serve
    # An extended partition whose link points at itself; a primary entry beyond the disk.
    ebr = 4096 * 512
    corrupt(loop, ebr + 446 + 16, struct.pack("<BBBBBBBBII", 0, 0, 0, 0, 5, 0, 0, 0, 0, 60000))
    corrupt(beyond, 446 + 8, struct.pack("<II", 0xFFFFFF00, 0xFFFFFFFF))
    arguments = []
    for index, path in enumerate(paths):
        arguments += vm.disk(index, path, device=ring)
    machine = machines.boot(board, arguments)
    for index in (0, 1, 3):
        assert '"first"' in machine.command(f"part list virtio {index}")
        assert machine.status() == 0
    machine.command("part list virtio 2")
    assert machine.status() == 1
    for index in (4, 5):
        text = machine.command(f"part list virtio {index}", timeout=20)
        assert "fffffff" not in text.lower()
    assert machine.command("echo alive").strip() == "alive"


@on_both_rings
def test_paths_that_are_not_what_they_should_be(board, ring, tmp_path, machines):
    root = tmp_path / "root"
    os.makedirs(root / "folder")
    (root / "file").write_text("text")
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    image = images.ext(tmp_path / "disk.img", root)
    machine = machines.boot(board, vm.disk(0, image, device=ring))
    for command in ("ls virtio 0 /none", "ls virtio 0 /a", "ls virtio 0 /file/x", "load virtio 0 $loadaddr /folder",
                    "load virtio 0 $loadaddr /a", "load virtio 0 $loadaddr /file/x", "size virtio 0 /none",
                    "ls virtio 0:3 /", "ls virtio 7 /", "ls nvme 0 /", "load virtio 0 $loadaddr /" + "x/" * 1900 + "x"):
        text = machine.command(command)
        assert text.strip() and len(text.strip().splitlines()) <= 2, (command, text)
        assert machine.status() == 1, command
    text = machine.command("ls virtio 0 /file")
    assert machine.status() in (0, 1) and text.strip()


@on_both_rings
def test_a_file_that_does_not_fit_in_ram_is_refused_before_reading(board, ring, tmp_path, machines):
    root = tmp_path / "root"
    os.makedirs(root)
    with open(root / "big", "wb") as file:
        file.truncate(300 * images.MIB)  # a hole: no space on the host
    image = images.ext(tmp_path / "disk.img", root, 64 * images.MIB)
    machine = machines.boot(board, vm.disk(0, image, device=ring))
    started = time.monotonic()
    text = machine.command("load virtio 0 $loadaddr /big")
    assert "bytes read" not in text and machine.status() == 1, text
    assert time.monotonic() - started < 20
    assert machine.command("echo alive").strip() == "alive"


@on_both_rings
def test_io_errors_are_errors(board, ring, tmp_path, machines):
    """QEMU's blkdebug fails every read of one sector."""
    image = images.patterned(tmp_path / "disk.img", images.MIB)
    config = tmp_path / "blkdebug.conf"
    config.write_text('[inject-error]\nevent = "read_aio"\nerrno = "5"\nsector = "8"\n')
    machine = machines.boot(board, ["-drive", f"if=none,format=raw,id=hd0,file=blkdebug:{config}:{image}",
                                    "-device", f"virtio-blk-pci,drive=hd0{ring}"])
    a = LOAD[board.name]
    text = machine.command(f"virtio read {a:x} 8 1")
    assert "OK" not in text and "rror" in text and machine.status() == 1, text
    assert "1 blocks read: OK" in machine.command(f"virtio read {a:x} 9 1")

