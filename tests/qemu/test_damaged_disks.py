# SPDX-License-Identifier: Apache-2.0
"""Disks whose tables and file systems are not as the book says, as users report them: what lies on the disk is read, and what
is odd about it is one line for each kind. The bounds are proven in tests/unit/block and tests/unit/fs."""

import os
import shutil
import time

import pytest

import images
import tables
import vm
from tables import GptEntry


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    """A file system of 8 MiB."""
    folder = tmp_path_factory.mktemp("part")
    os.makedirs(folder / "root" / "boot")
    (folder / "root" / "boot" / "vmlinuz").write_bytes(b"kernel")
    return images.ext(folder / "part.img", folder / "root", 8 * images.MIB)


def warnings(text):
    return [line for line in text.splitlines() if line.startswith("warning: ")]


OUTSIDE = "outside the usable blocks; used all the same"
CUT = "reaches beyond the end of the disk; cut there"
DAMAGED_TABLES = {
    "gpt-before-usable": lambda path, part: tables.gpt(
        path, [None, GptEntry(2, 1000), GptEntry(4096, 20479)], (2080, 65502), [(4096, part)]),
    "gpt-behind-usable": lambda path, part: tables.gpt(
        path, [GptEntry(2048, 18431), GptEntry(20480, 36863)], (34, 36764), [(20480, part)]),
    "gpt-only-one-outside": lambda path, part: tables.gpt(path, [GptEntry(1024, 17407)], (2048, 65502), [(1024, part)]),
    "gpt-beyond-disk": lambda path, part: tables.gpt(path, [GptEntry(40000, 70000)], contents=[(40000, part)]),
    "gpt-backup": lambda path, part: tables.gpt(path, [GptEntry(2048, 18431)], contents=[(2048, part)], with_primary=False),
    "gpt-short-protective": lambda path, part: tables.gpt(path, [GptEntry(2048, 18431)], contents=[(2048, part)],
                                                          protective_blocks=1),
    "mbr-second-beyond": lambda path, part: tables.mbr(path, [(0x83, 2048, 16384), (0x83, 20480, 45057)],
                                                       contents=[(20480, part)]),
    "mbr-only-one-beyond": lambda path, part: tables.mbr(path, [(0x83, 2048, 63551)], contents=[(2048, part)]),
    "mbr-extended-beyond": lambda path, part: tables.mbr(
        path, [(0x83, 2048, 2048), (0x05, 4096, 62440)], [(4096, [(0x83, 2048, 16384)])], [(6144, part)]),
}
# The partition with files, and what is said: words of each warning.
EXPECTED = {
    "gpt-before-usable": (3, [("partition 2", "covers the table; left out")]),
    "gpt-behind-usable": (2, [("partition 2", OUTSIDE)]),
    "gpt-only-one-outside": (1, [("partition 1", OUTSIDE)]),
    "gpt-beyond-disk": (1, [("partition 1", CUT)]),
    "gpt-backup": (1, [("the backup serves instead", "no header signature")]),
    "gpt-short-protective": (1, []),
    "mbr-second-beyond": (2, [("partition 2", CUT)]),
    "mbr-only-one-beyond": (1, [("partition 1", CUT)]),
    "mbr-extended-beyond": (5, [("partition 2", CUT)]),
}


@pytest.mark.parametrize("case", EXPECTED)
def test_table(board, case, part, tmp_path, machines):
    number, expected = EXPECTED[case]
    machine = machines.boot(board, vm.disk(0, DAMAGED_TABLES[case](tmp_path / "disk.img", part)))
    text = machine.command("part list virtio 0")
    said = warnings(text)
    assert len(said) == len(expected), text
    for line, words in zip(said, expected):
        assert line.startswith("warning: virtio 0: ") and all(word in line for word in words), line
    assert f"\n{number:3}\t" in text
    listing = machine.command(f"ls virtio 0:{number} /boot")
    assert "               6 vmlinuz\n" in listing
    assert not warnings(listing)  # said already
    assert not warnings(machine.command(f"load virtio 0:{number} $loadaddr /boot/vmlinuz"))
    assert machine.command("virtio scan") == ""
    again = warnings(machine.command(f"ls virtio 0:{number}"))
    assert again == said


def test_table_full_of_nonsense(board, tmp_path, machines):
    """8,192 bad entries are one line; 128 good ones are listed, and Ctrl-C is heard while they are."""
    bad = tables.gpt(tmp_path / "bad.img", [GptEntry(5, 4)] * 8192, (2100, 63000))
    many = tables.gpt(tmp_path / "many.img", [GptEntry(3000 + i, 3000 + i) for i in range(130)])
    machine = machines.boot(board, [*vm.disk(0, bad), *vm.disk(1, many)])
    numbers = ("0", "1") if "device 0  --" in machine.command("part list virtio 0") else ("1", "0")
    for disk in numbers:
        said = warnings(machine.command(f"part list virtio {disk}", most_lines=540))
        assert len(said) == 1, said
        assert "and 8191 more: ends before it starts" in said[0] or "and 1 more: more than the 128" in said[0]
    machine.send("part list virtio 0; part list virtio 1; part list virtio 0; part list virtio 1\r")
    machine.expect("Partition GUID")
    start = time.monotonic()
    machine.send("\x03")
    machine.boot()
    assert time.monotonic() - start < 2
    assert machine.status() != 0


def debugfs(image, *commands):
    images.run("debugfs", "-w", "-f", "/dev/stdin", image, text="".join(command + "\n" for command in commands))


def test_file_systems(board, part, tmp_path, machines):
    """Two file systems on each machine: a wrong descriptor checksum, and a journal to replay; flags of revision 0."""
    first, second = (shutil.copy(part, tmp_path / name) for name in ("first.img", "second.img"))
    debugfs(first, "feature needs_recovery", "symlink /boot/fast vmlinuz", "set_inode_field /boot/fast flags 0x80000")
    debugfs(first, "set_bg 0 checksum 0xffff")  # the last: what allocates puts it right
    root = tmp_path / "root"
    os.makedirs(root / "boot")
    (root / "boot" / "vmlinuz").write_bytes(b"kernel")
    images.ext(second, root, 16 * images.MIB, kind="ext2", options=["-I", "128", "-O", "none,filetype"])
    debugfs(second, "ssv rev_level 0")
    machine = machines.boot(board, [*vm.disk(0, first), *vm.disk(1, second)])
    said = set()
    for disk in "01":
        text = machine.command(f"ls virtio {disk} /boot")
        assert "vmlinuz\n" in text and machine.status() == 0, text
        said |= {line.split(": ", 2)[2] for line in warnings(text)}
        assert "6 bytes read" in machine.command(f"load virtio {disk} $loadaddr /boot/vmlinuz")
        assert not warnings(machine.command(f"ls virtio {disk} /boot"))
        if "<SYM>" in text:
            assert "6 bytes read" in machine.command(f"load virtio {disk} $loadaddr /boot/fast")
    assert said == {"ext4: not cleanly unmounted; the journal was not replayed",
                    "ext4: group 0: its descriptor has a wrong checksum; used all the same",
                    "ext4: feature flags are set though its revision 0 has none; they count all the same"}


def test_efi_system_partition_is_bootable(board, part, tmp_path, machines):
    image = tables.gpt(tmp_path / "disk.img",
                       [GptEntry(2048, 4095), GptEntry(4096, 6143, tables.BIOS_BOOT),
                        GptEntry(8192, 24575, tables.EFI_SYSTEM)], contents=[(8192, part)])
    machine = machines.boot(board, vm.disk(0, image))
    assert machine.command("part list virtio 0 -bootable d; echo $d") == "3\n"
    for spec in ("0", "0:auto", "0:3"):
        assert "vmlinuz" in machine.command(f"ls virtio {spec} /boot")
