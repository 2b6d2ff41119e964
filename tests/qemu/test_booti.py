# SPDX-License-Identifier: Apache-2.0
"""`booti` with what is no kernel, has no room, or is not there: one line that names it, the prompt comes back, memory is as it was and the
devices work. The bounds are proven in tests/unit/boot."""

import bz2
import gzip
import lzma
import re
import struct

import pytest

import kernels
from kernels import BOARD, INITRD, MIB, Variant, disk, monitor  # noqa: F401 (fixtures)

PLAIN = Variant("plain")
KERNEL = 0x40200000


def at(offset, magic, size=2048):
    """A file whose kind is known by these bytes there."""
    return bytes(offset) + magic + bytes(size - offset - len(magic))


# A file, and what `booti` says of it behind "what lies at 0x40200000 is ".
KINDS = {
    "gzip": (lambda image: gzip.compress(image), "a gzip file, not an arm64 Linux Image"),
    "xz": (lambda image: lzma.compress(image), "an xz file, not an arm64 Linux Image"),
    "bzip2": (lambda image: bz2.compress(image), "a bzip2 file, not an arm64 Linux Image"),
    "zstd": (lambda image: at(0, b"\x28\xb5\x2f\xfd"), "a zstd file, not an arm64 Linux Image"),
    "lz4": (lambda image: at(0, b"\x04\x22\x4d\x18"), "an lz4 file, not an arm64 Linux Image"),
    "lz4-of-old": (lambda image: at(0, b"\x02\x21\x4c\x18"), "an lz4 file of the old form, not an arm64 Linux Image"),
    "zboot": (lambda image: b"MZ\0\0zimg" + bytes(2040), "a compressed EFI kernel (zboot), not an arm64 Linux Image"),
    "efi": (lambda image: at(0, b"MZ"), "an EFI program, not an arm64 Linux Image"),
    "elf": (lambda image: at(0, b"\x7fELF"), "an ELF file, not an arm64 Linux Image"),
    "uimage": (lambda image: at(0, b"\x27\x05\x19\x56"), "a uImage, not an arm64 Linux Image"),
    "fit": (lambda image: at(0, b"\xd0\x0d\xfe\xed"), "a device tree or FIT, not an arm64 Linux Image"),
    "cpio": (lambda image: at(0, b"070701"), "a cpio archive (an initrd), not an arm64 Linux Image"),
    "riscv": (lambda image: at(0x38, b"RSC\x05"), "a RISC-V Linux Image, for another machine"),
    "zimage": (lambda image: at(0x24, struct.pack("<I", 0x016F2818)), "a 32-bit Arm Linux zImage, for another machine"),
    "bzimage": (lambda image: at(0x202, b"HdrS"), "an x86 Linux bzImage, for another machine"),
    "noise": (lambda image: b"not a kernel" * 1000, "no kernel of a known kind"),
    "empty": (lambda image: b"", "no kernel of a known kind"),
    "one-byte": (lambda image: image[:1], "no kernel of a known kind"),
    "cut-in-the-header": (lambda image: image[:59], "no kernel of a known kind"),
}


class Refusals:
    """A machine at whose console `booti` is typed in vain: what it owns and what it was given stays as it was."""

    def __init__(self, machine, disk):  # noqa: F811
        self.machine, self.disk = machine, disk

    def load(self, name, address):
        self.machine.command(f"load virtio 0 {address:x} {name}")
        assert self.machine.status() == 0

    def check(self, line, says):
        """`says` is a regular expression for the one line."""
        before = self.disk.memory(0x40000000, 4 * MIB)
        answer = self.machine.command(line)
        assert re.fullmatch(f"{says}\n", answer), f"{line}: {answer}"
        assert self.machine.status() == 1
        assert self.disk.memory(0x40000000, 4 * MIB) == before, f"{line}: memory has changed"


@pytest.fixture
def refusals(disk):  # noqa: F811
    def of(files, variant=PLAIN, arguments=()):
        machine = disk.boot(variant, files, arguments)
        return Refusals(machine, disk)
    return of


def test_what_is_no_kernel_is_named(refusals, tmp_path):
    image = kernels.build(tmp_path).data
    one = refusals({f"/{name}": make(image) for name, (make, _) in KINDS.items()} | {"/kernel": image})
    for name, (_, says) in KINDS.items():
        one.load("/kernel", KERNEL)  # what lay there before does not count
        one.load(f"/{name}", KERNEL)
        one.check(f"booti {KERNEL:x}", f"Cannot boot: what lies at 0x{KERNEL:08x} is {re.escape(says)}")
    assert "2048 blocks read: OK" in one.machine.command("virtio read 42000000 0 800"), "no device was stopped"


def test_a_kernel_that_is_cut_off(refusals, tmp_path):
    """Its EFI header says how long it is. What is a byte too short is told, what is whole is booted."""
    image = kernels.build(tmp_path).padded(MIB).with_efi_header()
    one = refusals({"/whole": image.data, "/cut": image.data[:-1]})
    one.load("/cut", KERNEL)
    one.check(f"booti {KERNEL:x}", f"Cannot boot: the kernel at 0x{KERNEL:08x} is cut off: {MIB - 1} of its {MIB} bytes are there")
    one.load("/whole", KERNEL)
    one.machine.send(f"booti {KERNEL:x}\r")
    assert kernels.facts(one.machine)["head"] == KERNEL
    one.machine.send("q")
    assert one.machine.wait_exit() == 0


def test_places(refusals, tmp_path):
    """Kernels, initrds and trees where they cannot be, or that have no room: the line has the range, and whose it is."""
    image = kernels.build(tmp_path)
    taken = {name: image.with_header(memory_bytes=size).data for name, size in
             {"/larger-than-ram": 128 * MIB, "/over-vireo": 120 * MIB, "/larger-than-numbers": (1 << 64) - 4096}.items()}
    one = refusals({"/kernel": image.data, "/initrd": INITRD, **taken})
    for name, end in {"/larger-than-ram": 0x481FFFFF, "/larger-than-numbers": (1 << 64) - 1}.items():
        one.load(name, KERNEL)
        one.check(f"booti {KERNEL:x}", f"Cannot boot: the kernel at 0x{KERNEL:08x}..0x{end:08x} is not in RAM")
    one.load("/over-vireo", KERNEL)
    one.check(f"booti {KERNEL:x}", rf"Cannot boot: the kernel at 0x{KERNEL:08x}\.\.0x479fffff is not free: 0x\w+\.\.0x\w+ belongs to Vireo \w+")
    one.load("/kernel", KERNEL)
    one.load("/initrd", 0x42000000)
    fit = f"booti {KERNEL:x}"
    before = one.disk.memory(0x40000000, 96 * MIB)  # above it lie Vireo's own image, heap and stack
    for line, says in {
        "booti 0": "Cannot boot: the kernel at 0x00000000..0x00000000 is not in RAM",
        "booti 8000000": "Cannot boot: the kernel at 0x08000000..0x08000000 is not in RAM",
        "booti ffffffffffffffff": "Cannot boot: the kernel at 0xffffffffffffffff..0xffffffffffffffff is not in RAM",
        f"booti {KERNEL + 1:x}": f"Cannot boot: what lies at 0x{KERNEL + 1:08x} is no kernel of a known kind",
        f"{fit} 41000000": "Nothing was loaded to 0x41000000: say how long the initrd is, ADDRESS:SIZE",
        f"{fit} {KERNEL:x}:1000": f"Cannot boot: the initrd at 0x{KERNEL:08x}..0x40200fff is not free: 0x{KERNEL:08x}..0x\\w+ belongs to the kernel",
        f"{fit} 42000000:10000000": "Cannot boot: the initrd at 0x42000000..0x51ffffff is not in RAM",
        f"{fit} 42000000:ffffffffffffffff": "Cannot boot: the initrd at 0x42000000..0xffffffffffffffff is not in RAM",
        f"{fit} 9000000:1000": "Cannot boot: the initrd at 0x09000000..0x09000fff is not in RAM",
        f"{fit} 42000000:": "'': not a number (hexadecimal)",
        f"{fit} x": "'x': not a number (hexadecimal)",
    }.items():
        one.check(line, says.replace("(hex", "\\(hex").replace("mal)", "mal\\)"))
    assert one.disk.memory(0x40000000, 96 * MIB) == before


def test_trees(refusals, tmp_path):
    """Of the device tree that is given. What is wrong with trees is proven in tests/unit/boot/tree."""
    tree = struct.pack(">10I", 0xD00DFEED, 3 * MIB, 56, 48, 40, 17, 16, 0, 0, 8) + bytes(16) + struct.pack(">II", 9, 9)
    one = refusals({"/kernel": kernels.build(tmp_path).data, "/large": tree + bytes(3 * MIB - len(tree)), "/cut": tree[:30]})
    one.load("/kernel", KERNEL)
    for place in (0x41000000, 0x9000000):
        one.check(f"booti {KERNEL:x} - {place:x}", ".+")
    for name in ("/large", "/cut"):
        one.load(name, 0x44000000)
        one.check(f"booti {KERNEL:x} - 44000000", ".+")


def test_without_words(disk):  # noqa: F811
    """`booti` alone takes $loadaddr; without $bootargs the tree's command line is kept."""
    machine = disk.boot(PLAIN)
    machine.command("load virtio 0 $loadaddr /boot/kernel")
    machine.send("booti\r")
    assert kernels.facts(machine)["head"] % (2 * MIB) == 0
    machine.send("q")
    assert machine.wait_exit() == 0
