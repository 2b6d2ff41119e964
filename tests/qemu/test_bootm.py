# SPDX-License-Identifier: Apache-2.0
"""Kernels that something is wrapped around, with the kernel of our own (kernel_arm64.S): unpacked to where they run; or one line that says why
not, and what was loaded is as it was. The formats are proven in tests/unit/unpack, bounds there and in bootm_test.cpp."""

import re

import pytest

import device_tree
import kernels
from handover_checks import check
from kernels import ARM64, INITRD, MIB, Variant, disk, monitor  # noqa: F401 (fixtures)
from rows import only_long
from test_handover import BOOTARGS, LOAD
from wrapping import PACKED, multi, uimage, zboot

PLAIN = Variant("plain")
FILE = 0x44000000
WRAPPED = {
    "gzip": PACKED["gzip"],
    "zboot-in-gzip": lambda image: PACKED["gzip"](zboot(PACKED["xz"](image))),
    "uimage": lambda image: uimage(PACKED["lzma"](image)),
    **dict(only_long(*(item for item in PACKED.items() if item[0] != "bzip2"))),
    **dict(only_long(("plain-in-a-uimage", uimage), ("zboot", lambda image: zboot(PACKED["zstd"](image))))),
}


def boot(disk, files, line):  # noqa: F811
    """Boots /boot/kernel of these files, loaded to FILE."""
    machine = disk.boot(PLAIN, files)
    machine.send(LOAD.replace("$kernel_addr_r", f"{FILE:x}") + line + "\r")
    return machine


@pytest.mark.parametrize("name", WRAPPED)
def test_wrapped(name, disk):  # noqa: F811
    image = ARM64.build(disk.folder).padded(3 * MIB + 4).with_efi_header()
    machine = boot(disk, {"/boot/kernel": WRAPPED[name](image.data), "/boot/initrd": INITRD}, f"bootm {FILE:x} $ramdisk_addr_r")
    kernel = check(kernels.facts(machine), PLAIN, disk.memory).all(image, INITRD, BOOTARGS)
    assert kernel[0] == (0x40400000 if name == "zboot-in-gzip" else 0x40000000), "as low as there is room"
    machine.send("q")
    assert machine.wait_exit() == 0


def test_several_files_in_a_uimage(disk, tmp_path):  # noqa: F811
    """The kernel, its initrd and its device tree."""
    image = ARM64.build(disk.folder)
    tree = device_tree.write(device_tree.of_machine([ARM64.board.qemu, "-nographic", *ARM64.board.machine, *PLAIN.options()], tmp_path))
    file = multi(PACKED["gzip"](image.data), INITRD, tree)
    machine = boot(disk, {"/boot/kernel": file, "/boot/initrd": b"another"}, f"iminfo {FILE:x}; bootm {FILE:x}")
    machine.expect(r"Verifying Checksum \.\.\. OK\r*\n")
    check(kernels.facts(machine), PLAIN, disk.memory).all(image, INITRD, BOOTARGS)
    machine.send("q")
    assert machine.wait_exit() == 0


# A file, and what `bootm` says of it behind "what lies at 0x44000000 is ".
REFUSED = {
    "cut-gzip": (lambda image: PACKED["gzip"](image)[:-9], r"a gzip file that cannot be used: corrupt \(it ends after \d+ KiB, in the middle of packed data\)"),
    "broken-gzip": (lambda image: PACKED["gzip"](image)[:-8] + bytes(8), r"a gzip file that cannot be used: corrupt \(the checksum of what was packed\)"),
    "bomb": (lambda image: PACKED["gzip"](image + bytes(64 * MIB)), r"a gzip file that cannot be used: too large \(unpacked it has more than \d+ KiB\)"),
    "zstd": (lambda image: b"\x28\xb5\x2f\xfd" + bytes(2044), r"a zstd file that cannot be used: corrupt \(it ends after 2 KiB, in the middle of packed data\)"),
    "lz4": (lambda image: b"\x04\x22\x4d\x18" + bytes(2044), r"an lz4 file that cannot be used: not supported \(a rare feature of its packed form\)"),
    "lz4-of-old": (lambda image: b"\x02\x21\x4c\x18" + bytes(2044), r"an lz4 file of the old form that cannot be used: corrupt \(nothing is packed in it\)"),
    "xz": (lambda image: PACKED["xz"](image)[:-1], r"an xz file that cannot be used: corrupt \(it ends after \d+ KiB, in the middle of packed data\)"),
    "bzip2": (PACKED["bzip2"], r"a bzip2 file that cannot be used: not supported \(this build does not unpack such files\)"),
    "zboot": (lambda image: b"MZ\0\0zimg" + bytes(2040), r"a compressed EFI kernel \(zboot\) that cannot be used: corrupt \(its header says that nothing is packed in it\)"),
    "uimage": (lambda image: b"\x27\x05\x19\x56" + bytes(2044), r"a uImage that cannot be used: corrupt \(the checksum of its header\)"),
    "uimage-data": (lambda image: uimage(image)[:-4] + b"fail", r"a uImage that cannot be used: corrupt \(the checksum of its data\)"),
    "uimage-for-powerpc": (lambda image: uimage(image, architecture=7), r"a uImage, for another machine \(PowerPC\)"),
}


def test_what_is_broken_is_named(disk):  # noqa: F811
    image = ARM64.build(disk.folder).padded(MIB)
    files = {name: make(image.data) for name, (make, _) in REFUSED.items()}
    machine = disk.boot(PLAIN, {"/other": INITRD, **{f"/{name}": file for name, file in files.items()}})
    machine.command("load virtio 0 41000000 /other")
    for name, (_, says) in REFUSED.items():
        machine.command(f"load virtio 0 {FILE:x} /{name}")
        assert machine.status() == 0
        answer = machine.command(f"bootm {FILE:x}")
        assert re.fullmatch(f"Cannot boot: what lies at 0x{FILE:08x} is {says}\n", answer), f"{name}: {answer}"
        assert machine.status() == 1
        assert disk.memory(FILE, len(files[name])) == files[name]
        assert disk.memory(0x41000000, len(INITRD)) == INITRD
    assert "2048 blocks read: OK" in machine.command("virtio read 42000000 0 800"), "no device was stopped"
