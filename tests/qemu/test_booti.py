# SPDX-License-Identifier: Apache-2.0
"""`booti` and `bootz` with what is no kernel, has no room, or is not there: one line that names it, the prompt comes back, memory is as it was
and the devices work. The bounds are proven in tests/unit/boot."""

import re
import struct

import pytest

import kernels
from kernels import ARM, ARM64, INITRD, MIB, Variant, disk, monitor  # noqa: F401 (fixtures)

PLAIN = {kernel: Variant("plain", kernel=kernel) for kernel in (ARM64, ARM)}
# Where the kernel of a test lies, and may.
PLACE = {ARM64: 0x40200000, ARM: 0x42000000}
on_each_board = pytest.mark.parametrize("kernel", PLAIN, ids=lambda kernel: kernel.board.name)


def at(offset, magic, size=2048):
    """A file whose kind is known by these bytes there."""
    return bytes(offset) + magic + bytes(size - offset - len(magic))


# A file (those that hold another: test_bootm.py), and what it is called where it is no kernel
# of this machine.
OTHERS = {
    "efi": (lambda image: at(0, b"MZ"), "an EFI program"),
    "elf": (lambda image: at(0, b"\x7fELF"), "an ELF file"),
    "fit": (lambda image: at(0, b"\xd0\x0d\xfe\xed"), "a device tree or FIT"),
    "cpio": (lambda image: at(0, b"070701"), "a cpio archive (an initrd)"),
}
FOREIGN = {
    "riscv": (lambda image: at(0x38, b"RSC\x05"), "a RISC-V Linux Image"),
    "bzimage": (lambda image: at(0x202, b"HdrS"), "an x86 Linux bzImage"),
    "zimage": (lambda image: at(0x24, struct.pack("<I", 0x016F2818)), ARM.form_name),
    "arm64": (lambda image: at(0x38, b"ARM\x64"), ARM64.form_name),
}

def kinds(kernel, image):
    """Files that this kernel's machine does not boot: {name: (bytes, what is said of them)}."""
    found = {name: (make(image), f"{what}, not {kernel.form_name}") for name, (make, what) in OTHERS.items()}
    found |= {name: (make(image), f"{what}, for another machine") for name, (make, what) in FOREIGN.items() if what != kernel.form_name}
    end_of_magic = {ARM64: 60, ARM: 0x28}[kernel]
    unknown = {"noise": b"not a kernel" * 1000, "empty": b"", "one-byte": image[:1], "cut-in-the-magic": image[:end_of_magic - 1]}
    return found | {name: (data, "no kernel of a known kind") for name, data in unknown.items()}


class Refusals:
    """A machine at whose console `booti` or `bootz` is typed in vain: what it owns and what it was given stays as it was."""

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
    def of(kernel, files, arguments=()):
        machine = disk.boot(PLAIN[kernel], files, arguments)
        return Refusals(machine, disk)
    return of


@on_each_board
def test_what_is_no_kernel_is_named(kernel, refusals, tmp_path):
    image, place = kernel.build(tmp_path).data, PLACE[kernel]
    files = kinds(kernel, image)
    one = refusals(kernel, {f"/{name}": data for name, (data, _) in files.items()} | {"/kernel": image})
    for name, (_, says) in files.items():
        one.load("/kernel", place)  # what lay there before does not count
        one.load(f"/{name}", place)
        one.check(f"{kernel.command} {place:x}", f"Cannot boot: what lies at 0x{place:08x} is {re.escape(says)}")
    assert "2048 blocks read: OK" in one.machine.command("virtio read 43000000 0 800"), "no device was stopped"


@on_each_board
def test_a_kernel_that_is_cut_off(kernel, refusals, tmp_path):
    """Its header, on arm64 that of EFI, says how long it is. What is a byte too short is told, what is whole is booted."""
    image, place = kernel.build(tmp_path).padded(MIB), PLACE[kernel]
    if kernel is ARM64:
        image = image.with_efi_header()
    one = refusals(kernel, {"/whole": image.data, "/cut": image.data[:-1]})
    one.load("/cut", place)
    one.check(f"{kernel.command} {place:x}", f"Cannot boot: the kernel at 0x{place:08x} is cut off: {MIB - 1} of its {MIB} bytes are there")
    one.load("/whole", place)
    one.machine.send(f"{kernel.command} {place:x}\r")
    assert kernels.facts(one.machine)["head"] == place
    one.machine.send("q")
    assert one.machine.wait_exit() == 0


def test_headers_of_zimages(refusals, tmp_path):
    """Sizes that make no sense, and more than there is RAM for: the kernel, or what it unpacks itself to."""
    image, place = ARM.build(tmp_path), PLACE[ARM]
    no_room = "Cannot boot: no free RAM that fits the kernel: it takes 0x{:x} bytes"
    files = {"/backwards": (image.changed(0x2C, "<I", 0), f"Cannot boot: the kernel at 0x{place:08x}: corrupt \\(the header says .+\\)"),
             "/unpacks-too-far": (image.with_header(inflated=0xFFFFFFFF), no_room.format(0x208000 + 0xFFFFFFFF + 0x60000)),
             "/unpacks-over-vireo": (image.with_header(inflated=124 * MIB),
                                    # Which does not fit depends on how large Vireo is.
                                    "Cannot boot: no free RAM that fits the (kernel|device tree): it takes 0x\\w+ bytes"),
             "/longer-than-ram": (image.changed(0x2C, "<I", 0xFFFFFFFF), f"Cannot boot: the kernel at .+ is cut off: {len(image.data)} of its .+")}
    one = refusals(ARM, {name: data.data for name, (data, _) in files.items()})
    for name, (_, says) in files.items():
        one.load(name, place)
        one.check(f"bootz {place:x}", says)


def test_too_little_ram_for_a_zimage(refusals, tmp_path):
    """A kernel that does not say how large it gets has 32 MiB, if the machine has."""
    image = ARM.build(tmp_path)
    one = refusals(ARM, {"/known": image.data, "/unknown": image.with_header().data}, ["-m", "32M"])
    place = 0x41800000
    one.load("/unknown", place)
    one.check(f"bootz {place:x}", "Cannot boot: no free RAM that fits the kernel: it takes 0x2208000 bytes")
    one.load("/known", place)
    one.machine.send(f"bootz {place:x}\r")
    assert kernels.facts(one.machine)["head"] == place
    one.machine.send("q")
    assert one.machine.wait_exit() == 0


def test_sizes_of_images(refusals, tmp_path):
    """An arm64 kernel says how much it takes: more than there is, and what is not its own."""
    place = PLACE[ARM64]
    image = ARM64.build(tmp_path)
    one = refusals(ARM64, {f"/{size:x}": image.with_header(memory_bytes=size).data for size in (128 * MIB, (1 << 64) - 4096, 120 * MIB)})
    for size, end in {128 * MIB: 0x481FFFFF, (1 << 64) - 4096: (1 << 64) - 1}.items():
        one.load(f"/{size:x}", place)
        one.check(f"booti {place:x}", f"Cannot boot: the kernel at 0x{place:08x}..0x{end:08x} is not in RAM")
    one.load(f"/{120 * MIB:x}", place)
    one.check(f"booti {place:x}", rf"Cannot boot: the kernel at 0x{place:08x}\.\.0x479fffff is not free: 0x\w+\.\.0x\w+ belongs to Vireo \w+")


@on_each_board
def test_places(kernel, refusals, tmp_path):
    """Kernels, initrds and trees where they cannot be, or that have no room: the line has the range, and whose it is."""
    place, command = PLACE[kernel], kernel.command
    one = refusals(kernel, {"/kernel": kernel.build(tmp_path).data, "/initrd": INITRD})
    one.load("/kernel", place)
    one.load("/initrd", 0x43000000)
    fit = f"{command} {place:x}"
    before = one.disk.memory(0x40000000, 96 * MIB)  # above it lie Vireo's own image, heap and stack
    for line, says in {
        f"{command} 0": "Cannot boot: the kernel at 0x00000000..0x00000000 is not in RAM",
        f"{command} 8000000": "Cannot boot: the kernel at 0x08000000..0x08000000 is not in RAM",
        f"{command} ffffffffffffffff": "Cannot boot: the kernel at 0xffffffffffffffff..0xffffffffffffffff is not in RAM",
        f"{command} {place + 1:x}": f"Cannot boot: what lies at 0x{place + 1:08x} is no kernel of a known kind",
        f"{fit} 41000000": "Nothing was loaded to 0x41000000: say how long the initrd is, ADDRESS:SIZE",
        f"{fit} {place:x}:1000": f"Cannot boot: the initrd at 0x{place:08x}..0x{place + 0xFFF:08x} is not free: "
                                 f"0x{place:08x}..0x\\w+ belongs to the kernel",
        f"{fit} 43000000:10000000": "Cannot boot: the initrd at 0x43000000..0x52ffffff is not in RAM",
        f"{fit} 43000000:ffffffffffffffff": "Cannot boot: the initrd at 0x43000000..0xffffffffffffffff is not in RAM",
        f"{fit} 9000000:1000": "Cannot boot: the initrd at 0x09000000..0x09000fff is not in RAM",
        f"{fit} 43000000:": "'': not a number (hexadecimal)",
        f"{fit} x": "'x': not a number (hexadecimal)",
    }.items():
        one.check(line, says.replace("(hex", "\\(hex").replace("mal)", "mal\\)"))
    assert one.disk.memory(0x40000000, 96 * MIB) == before


@on_each_board
def test_trees(kernel, refusals, tmp_path):
    """Of the device tree that is given. What is wrong with trees is proven in tests/unit/boot/tree."""
    place = PLACE[kernel]
    tree = struct.pack(">10I", 0xD00DFEED, 3 * MIB, 56, 48, 40, 17, 16, 0, 0, 8) + bytes(16) + struct.pack(">II", 9, 9)
    one = refusals(kernel, {"/kernel": kernel.build(tmp_path).data, "/large": tree + bytes(3 * MIB - len(tree)), "/cut": tree[:30]})
    one.load("/kernel", place)
    for address in (0x41000000, 0x9000000):
        one.check(f"{kernel.command} {place:x} - {address:x}", "Cannot boot: .+")
    for name in ("/large", "/cut"):
        one.load(name, 0x44000000)
        one.check(f"{kernel.command} {place:x} - 44000000", "Cannot boot: .+")


@on_each_board
def test_without_words(kernel, disk):  # noqa: F811
    """The command alone takes $loadaddr; without $bootargs the tree's command line is kept."""
    machine = disk.boot(PLAIN[kernel])
    machine.command("load virtio 0 $loadaddr /boot/kernel")
    machine.send(f"{kernel.command}\r")
    assert kernels.facts(machine)["head"] % 4096 == 0
    machine.send("q")
    assert machine.wait_exit() == 0
