# SPDX-License-Identifier: Apache-2.0
"""Kernels of our own that say what they find (`kernel_arm64.S`, `kernel_arm.S`), and machines at whose prompt they can be booted. Imported by
test_handover.py and test_booti.py."""

import dataclasses
import os
import re
import shutil
import struct

import pytest

import device_tree
import images
import qmp
import vm

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = images.MIB
INITRD = images.noise(3 * MIB + 1234, seed=3)  # our own kernel does not look into it


@dataclasses.dataclass(frozen=True)
class Image:
    """The bytes of a kernel."""
    data: bytes
    # from where to where it writes itself, beyond what the file has unless the file is padded
    own_data: tuple

    def changed(self, at, layout, *values):
        data = bytearray(self.data)
        struct.pack_into(layout, data, at, *values)
        return dataclasses.replace(self, data=bytes(data))

    def padded(self, size):
        """A file of `size` bytes, none of which repeats soon: what is not moved whole is seen."""
        return dataclasses.replace(self, data=self.data + images.noise(size - len(self.data), seed=7))

    def unwritten(self, data):
        """Of these bytes of the image in memory, those that must be the file's."""
        start, end = self.own_data
        return data[:start], data[end:]


class Arm64Image(Image):
    """An Image, and what its header says."""

    @classmethod
    def of(cls, data):
        return cls(data, (len(data), struct.unpack_from("<Q", data, 16)[0]))

    @property
    def text_offset(self):
        return struct.unpack_from("<Q", self.data, 8)[0]

    @property
    def memory_bytes(self):
        """That the kernel takes from its start on; more than the file has."""
        return struct.unpack_from("<Q", self.data, 16)[0]

    def with_header(self, *, text_offset=None, memory_bytes=None):
        image = self
        for at, value in ((8, text_offset), (16, memory_bytes)):
            if value is not None:
                image = image.changed(at, "<Q", value)
        return image

    def with_efi_header(self):
        """As kernels have that are EFI programs, too: it says how long the file is. Not enough to run as one."""
        return (self.changed(0x3C, "<I", 0x40)
                .changed(0x40, "<4s2H3I2H", b"PE\0\0", 0xAA64, 1, 0, 0, 0, 0, 0)
                .changed(0x58, "<8s4I16x", b".text", len(self.data), 0, len(self.data), 0))


class ZImage(Image):
    """A zImage, which does not unpack anything, but whose header says how much it would."""
    TEXT_OFFSET, BSS = 0x208000, 0x60000
    INFLATING = 256 << 10  # bytes that it may take behind its own
    SIZES_UNKNOWN = TEXT_OFFSET + 32 * MIB  # that a kernel unpacks which does not say how many

    @classmethod
    def of(cls, data):
        return cls(data, (len(data), struct.unpack_from("<I", data, 0x60)[0])).with_header(inflated=14 * MIB)

    @property
    def memory_bytes(self):
        return len(self.data) + self.INFLATING

    @property
    def unpacked_bytes(self):
        """How far from the start of RAM it would write before it reads anything else."""
        table, tag = struct.unpack_from("<II", self.data, 0x34)[0], struct.unpack_from("<I", self.data, 0x44)[0]
        if not (table and tag):
            return self.SIZES_UNKNOWN
        return self.TEXT_OFFSET + struct.unpack_from("<I", self.data, len(self.data) - 4)[0] + self.BSS

    def with_header(self, *, inflated=None):
        """`inflated`: how large its table of sizes says that the kernel is; None: there is no table. What says it are the file's last bytes."""
        size = len(self.data) + 4
        image = dataclasses.replace(self, data=self.data + struct.pack("<I", inflated or 0))
        return (image.changed(0x24, "<6I", 0x016F2818, 0, size, 0x04030201, 0x45454545 if inflated else 0, 0x40)
                .changed(0x40, "<2I4I", 6, 0x5A534C4B, size - 4, self.BSS, self.TEXT_OFFSET, 0x10000))

    def padded(self, size):
        return super().padded(size - 4).with_header(inflated=14 * MIB)


@dataclasses.dataclass(frozen=True)
class Kernel:
    """What there is for a board: a kernel's source, and how Vireo boots its kind."""
    board: vm.Board
    command: str
    form: type
    form_name: str  # what Vireo calls it
    target: str  # of clang
    scratch: int = 0x44000000  # RAM that nothing is loaded to
    fill: str = "f"  # what it is to be told to fill memory, and to say what has changed since
    check: str = "c"

    @property
    def source(self):
        return os.path.join(HERE, f"kernel_{self.board.name.removeprefix('qemu_')}.S")

    def build(self, folder, smc=False):
        """`smc`: it calls PSCI so, and tries what it must refuse."""
        program = os.path.join(str(folder), "kernel")
        images.run("clang-19", f"--target={self.target}", *(["-DSMC"] if smc else []), "-c", self.source, "-o", f"{program}.o")
        images.run("ld.lld-19", "-Ttext=0", "-e", "0", f"{program}.o", "-o", f"{program}.elf")
        images.run("llvm-objcopy-19", "-O", "binary", f"{program}.elf", f"{program}.img")
        with open(f"{program}.img", "rb") as file:
            return self.form.of(file.read())


ARM = Kernel(vm.BOARDS["qemu_arm"], "bootz", ZImage, "a 32-bit Arm Linux zImage", "armv7a-none-eabi")
ARM64 = Kernel(vm.BOARDS["qemu_arm64"], "booti", Arm64Image, "an arm64 Linux Image", "aarch64-none-elf")


def make_disk(path, folder, files, size=64 * MIB):
    """An ext4 disk with these files: {path: bytes, or the path of a file on the host}."""
    for name, content in files.items():
        target = folder / name.lstrip("/")
        os.makedirs(target.parent, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            shutil.copyfile(content, target)
    return images.ext(path, folder, size)


def numbers(text):
    return {name: int(value, 16) for name, value in re.findall(r"(?m)^(\w+)=([0-9a-f]{8,16})$", text)}


def facts(machine, timeout=None):
    """What a kernel of ours has found: {name: number}. It waits for a key then."""
    text, end = machine.expect(r"(?:ready|fault)\r*\n", timeout)
    found = numbers(text)
    if "head" not in found or end.startswith("fault"):
        raise AssertionError(f"the kernel did not get through\n{machine.report()}")
    return found


@dataclasses.dataclass(frozen=True)
class Tree:
    """A device tree that a kernel was given."""
    blob: bytes
    root: device_tree.Node

    @property
    def chosen(self):
        return self.root.child("chosen").properties

    @property
    def bootargs(self):
        return self.chosen["bootargs"].rstrip(b"\0").decode()

    @property
    def initrd(self):
        """(start, end), or None."""
        if "linux,initrd-start" not in self.chosen:
            assert "linux,initrd-end" not in self.chosen
            return None
        return tuple(int.from_bytes(self.chosen[f"linux,initrd-{which}"], "big") for which in ("start", "end"))

    def described(self):
        """All of it but /chosen: what a firmware passes on as it found it."""
        def of(node, path):
            if path == "/chosen":
                return
            yield path, node.properties
            for child in node.children:
                yield from of(child, f"{path}/{child.name}")
        return dict(of(self.root, ""))


def tree(blob):
    return Tree(blob, device_tree.read(blob))


@dataclasses.dataclass(frozen=True)
class Variant:
    name: str
    machine: str = ""  # properties of `-machine virt`, each with its comma
    arguments: str = ""
    kernel: Kernel = ARM64
    transport: str = "pci"
    level: int = 1  # exception level of the kernel
    processors: int = 1
    ecam: int = 0x4010000000  # where PCI's configuration space is
    qemus_own: bool = False  # tried with -kernel as well

    def __str__(self):
        return f"{self.kernel.board.name}-{self.name}"

    @property
    def is_secure(self):
        return "secure=on" in self.machine

    def options(self):
        return ["-machine", f"virt{self.machine}", *self.arguments.split(), "-smp", str(self.processors)]


def memory_of(monitor):
    def memory(address, size):
        path = f"{monitor.folder}/memory"
        monitor.command("pmemsave", val=address, size=size, filename=path)
        with open(path, "rb") as file:
            return file.read()
    return memory


@pytest.fixture
def monitor():
    with qmp.Monitor() as one:
        yield one


class Disk:
    """What a machine boots from; `image` is the kernel on it."""

    def __init__(self, machines, monitor, folder):
        self.machines, self.monitor, self.folder = machines, monitor, folder

    def boot(self, variant, files=None, arguments=(), nic="none"):
        self.image = variant.kernel.build(self.folder, variant.is_secure)
        files = {"/boot/kernel": self.image.data, "/boot/initrd": INITRD} if files is None else files
        image = make_disk(self.folder / "disk.img", self.folder / "root", files)
        return self.machines.boot(variant.kernel.board, [*variant.options(), *vm.disk(0, image, variant.transport), *arguments,
                                                        *self.monitor.arguments, "-serial", "mon:stdio"], nic=nic)

    def memory(self, address, size):
        return memory_of(self.monitor)(address, size)


@pytest.fixture
def disk(machines, monitor, tmp_path):
    return Disk(machines, monitor, tmp_path)
