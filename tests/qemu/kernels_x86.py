# SPDX-License-Identifier: Apache-2.0
"""A kernel of our own for x86 that says what it finds (`kernel_x86.S`, `kernel_x86.c`), as a bzImage, and what it was told. Imported by
test_zboot.py."""

import dataclasses
import os
import struct

import images
import kernels
import vm

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = images.MIB
SECTOR = 512
HEADER = 0x1F1  # where it begins; boot_params has it there, too
SCRIPT = """SECTIONS {
    . = 0;
    .text : { *(.head) *(.text*) *(.rodata*) *(.got*) }
    .data : { data = .; *(.data*) *(.bss*) . = ALIGN(16); end = .; }
    /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame) }
}
"""


@dataclasses.dataclass(frozen=True)
class Image:
    """A bzImage: setup sectors, whose code nobody runs, and the kernel; what its header says can be changed."""
    kernel: bytes
    setup_sectors: int = 7  # besides the first: a page in all
    protocol: int = 0x20F
    header_end: int = 0x6A
    flags: int = 3  # 64-bit entry, all within reach
    alignment: int = 2 * MIB
    relocatable: int = 1
    preferred: int = 16 * MIB
    memory_bytes: int = 4 * MIB
    command_line_most: int = 2047
    initrd_most: int = 0x7FFFFFFF

    @property
    def setup_bytes(self):
        return (self.setup_sectors + 1) * SECTOR

    @property
    def data(self):
        head = bytearray(self.setup_bytes)
        kernel = self.kernel + bytes(-len(self.kernel) % 16)
        struct.pack_into("<BHI", head, HEADER, self.setup_sectors, 0, len(kernel) // 16)
        struct.pack_into("<HBB4sH", head, 0x1FE, 0xAA55, 0xEB, self.header_end, b"HdrS", self.protocol)
        struct.pack_into("<BBHI", head, 0x210, 0, 1, 0, 0x100000)
        struct.pack_into("<IIBBHI", head, 0x22C, self.initrd_most, self.alignment, self.relocatable, 12, self.flags, self.command_line_most)
        struct.pack_into("<QI", head, 0x258, self.preferred, self.memory_bytes)
        return bytes(head) + kernel

    def but(self, **changes):
        return dataclasses.replace(self, **changes)

    def padded(self, size):
        """A kernel of `size` bytes, none of which repeats soon: what is not moved whole is seen."""
        return self.but(kernel=self.kernel + images.noise(size - len(self.kernel), seed=7))

    def unwritten(self, data):
        """Of these bytes of the kernel in memory, those that must be the file's."""
        start, end = struct.unpack_from("<2I", self.kernel, 8)
        return data[:start], data[end:]


def build(folder):
    program = os.path.join(str(folder), "kernel")
    target = ("--target=i386-unknown-elf", "-march=i686")
    images.run("clang-19", *target, "-c", os.path.join(HERE, "kernel_x86.S"), "-o", f"{program}.s.o")
    images.run("clang-19", *target, "-mno-sse", "-O2", "-ffreestanding", "-fPIC", "-fvisibility=hidden", "-fno-stack-protector",
               "-fno-zero-initialized-in-bss", "-c", os.path.join(HERE, "kernel_x86.c"), "-o", f"{program}.c.o")
    with open(f"{program}.ld", "w", encoding="utf-8") as script:
        script.write(SCRIPT)
    images.run("ld.lld-19", "-m", "elf_i386", "-e", "start", "-T", f"{program}.ld", f"{program}.s.o", f"{program}.c.o", "-o", f"{program}.elf")
    images.run("llvm-objcopy-19", "-O", "binary", f"{program}.elf", f"{program}.bin")
    with open(f"{program}.bin", "rb") as file:
        return Image(file.read())


@dataclasses.dataclass(frozen=True)
class Params:
    """boot_params, as a kernel got it."""
    page: bytes

    def number(self, at, form="<I"):
        return struct.unpack_from(form, self.page, at)[0]

    @property
    def initrd(self):
        """(start, bytes)"""
        return tuple(self.number(low) | self.number(high) << 32 for low, high in ((0x218, 0xC0), (0x21C, 0xC4)))

    @property
    def command_line_address(self):
        return self.number(0x228) | self.number(0xC8) << 32

    @property
    def address_map(self):
        """[(start, end, type)]"""
        entries = [struct.unpack_from("<QQI", self.page, 0x2D0 + 20 * index) for index in range(self.page[0x1E8])]
        return [(base, base + size, kind) for base, size, kind in entries]


@dataclasses.dataclass(frozen=True)
class Variant:
    name: str
    board: str = "qemu-x86_64"
    machine: str = "pc"
    arguments: str = ""
    transport: str = "pci"
    processors: int = 1
    mode: int = 64  # which entry the kernel was entered at

    def __str__(self):
        return self.name

    def options(self):
        return ["-machine", self.machine, *self.arguments.split(), "-smp", str(self.processors)]


class Disk:
    """What a machine boots from."""

    def __init__(self, machines, monitor, folder):
        self.machines, self.monitor, self.folder = machines, monitor, folder

    def boot(self, variant, files, arguments=()):
        image = kernels.make_disk(self.folder / "disk.img", self.folder / "root", files)
        return self.machines.boot(vm.BOARDS[variant.board], [*variant.options(), *vm.disk(0, image, variant.transport), *arguments,
                                                             *self.monitor.arguments, "-serial", "mon:stdio"], nic="none")

    def memory(self, address, size):
        return kernels.memory_of(self.monitor)(address, size)
