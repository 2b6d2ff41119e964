# SPDX-License-Identifier: Apache-2.0
"""A kernel of our own that says what it finds (`kernel_arm64.S`), and machines at whose prompt it can be booted. Imported by test_handover.py and
test_booti.py."""

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
BOARD = vm.BOARDS["qemu_arm64"]
INITRD = images.noise(3 * MIB + 1234, seed=3)  # our own kernel does not look into it


@dataclasses.dataclass(frozen=True)
class Image:
    """The bytes of an arm64 Image, and what its header says."""
    data: bytes
    # from where to where it writes itself, beyond what the file has unless the file is padded
    own_data: tuple

    @property
    def text_offset(self):
        return struct.unpack_from("<Q", self.data, 8)[0]

    @property
    def memory_bytes(self):
        """That the kernel takes from its start on; more than the file has."""
        return struct.unpack_from("<Q", self.data, 16)[0]

    def with_header(self, *, text_offset=None, memory_bytes=None, flags=None, magic=None):
        data = bytearray(self.data)
        for at, value in ((8, text_offset), (16, memory_bytes), (24, flags)):
            if value is not None:
                struct.pack_into("<Q", data, at, value)
        if magic is not None:
            data[56:60] = magic
        return dataclasses.replace(self, data=bytes(data))

    def with_efi_header(self):
        """As kernels have that are EFI programs, too: it says how long the file is. Not enough to run as one."""
        data = bytearray(self.data)
        struct.pack_into("<I", data, 0x3C, 0x40)
        struct.pack_into("<4s2H3I2H", data, 0x40, b"PE\0\0", 0xAA64, 1, 0, 0, 0, 0, 0)
        struct.pack_into("<8s4I16x", data, 0x58, b".text", len(data), 0, len(data), 0)
        return dataclasses.replace(self, data=bytes(data))

    def padded(self, size):
        """A file of `size` bytes, none of which repeats soon: what is not moved whole is seen."""
        return dataclasses.replace(self, data=self.data + images.noise(size - len(self.data), seed=7))

    def unwritten(self, data):
        """Of these bytes of the image in memory, those that must be the file's."""
        start, end = self.own_data
        return data[:start], data[end:]


def build(folder, ecam=0x4010000000, smc=False):
    """kernel_arm64.S as an Image. `ecam` is where the machine has PCI's configuration space; `smc`: PSCI is called so, and tried."""
    program = os.path.join(str(folder), "kernel")
    images.run("clang-19", "--target=aarch64-unknown-elf", f"-DECAM={ecam:#x}", *(["-DSMC"] if smc else []), "-c", os.path.join(HERE, "kernel_arm64.S"),
               "-o", f"{program}.o")
    images.run("ld.lld-19", "-Ttext=0", "-e", "head", f"{program}.o", "-o", f"{program}.elf")
    images.run("llvm-objcopy-19", "-O", "binary", f"{program}.elf", f"{program}.img")
    with open(f"{program}.img", "rb") as file:
        data = file.read()
    return Image(data, (len(data), struct.unpack_from("<Q", data, 16)[0]))


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


def facts(machine, timeout=None):
    """What kernel_arm64.S has found: {name: number}. It waits for a key then."""
    text, end = machine.expect(r"(?:ready|fault)\r*\n", timeout)
    found = {name: int(value, 16) for name, value in re.findall(r"(?m)^(\w+)=([0-9a-f]{8,16})$", text)}
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
    transport: str = "pci"
    level: int = 1  # exception level of the kernel
    processors: int = 1
    ecam: int = 0x4010000000
    qemus_own: bool = False  # tried with -kernel as well

    def __str__(self):
        return self.name

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
        self.image = build(self.folder, variant.ecam, variant.is_secure)
        files = {"/boot/kernel": self.image.data, "/boot/initrd": INITRD} if files is None else files
        image = make_disk(self.folder / "disk.img", self.folder / "root", files)
        return self.machines.boot(BOARD, [*variant.options(), *vm.disk(0, image, variant.transport), *arguments, *self.monitor.arguments,
                                          "-serial", "mon:stdio"], nic=nic)

    def memory(self, address, size):
        return memory_of(self.monitor)(address, size)


@pytest.fixture
def disk(machines, monitor, tmp_path):
    return Disk(machines, monitor, tmp_path)
