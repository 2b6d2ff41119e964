# SPDX-License-Identifier: Apache-2.0
"""A kernel of our own that is an ELF file with PVH's note and both Multiboot headers (`kernel_x86_info.S`, `kernel_x86.c`), one of them at a
time; and what it was told. Imported by test_bootelf.py."""

import dataclasses
import os
import struct

import images
from kernels_x86 import HERE

BASE = 0x200000
SCRIPT = f"""PHDRS {{ text PT_LOAD; data PT_LOAD; note PT_NOTE; }}
SECTIONS {{
    . = {BASE:#x};
    begin = .;
    .text : {{ *(.head) *(.text*) *(.rodata*) *(.got*) }} :text
    .note.Xen : {{ *(.note.Xen) }} :text :note
    . = ALIGN(4096);
    .data : {{ *(.data*) data_end = .; }} :data
    .bss : {{ *(.bss*) . = ALIGN(16); bss_end = .; }} :data
    /DISCARD/ : {{ *(.comment) *(.eh_frame) *(.note.GNU-stack) }}
}}
"""
MAGIC = {"Multiboot": 0x1BADB002, "Multiboot2": 0xE85250D6}
FORMS = ("PVH", "Multiboot", "Multiboot2")
NOTE = b"\x04\0\0\0\x04\0\0\0\x12\0\0\0Xen\0"


@dataclasses.dataclass(frozen=True)
class Image:
    data: bytes
    kind: str = "PVH"

    def at(self, magic):
        return next(at for at in range(0, len(self.data), 4) if self.data[at:at + 4] == struct.pack("<I", magic))

    def put(self, at, layout, *values):
        data = bytearray(self.data)
        struct.pack_into(layout, data, at, *values)
        return dataclasses.replace(self, data=bytes(data))

    def only(self, kind):
        """The others are broken: a checksum, and what the note is."""
        image = dataclasses.replace(self, kind=kind)
        for other, magic in MAGIC.items():
            if other != kind:
                image = image.put(image.at(magic) + 8, "<I", 0)
                image = image.put(image.at(magic), "<I", 0)
        return image if kind == "PVH" else image.put(image.data.index(NOTE) + 8, "<I", 17)

    def flags(self, value):
        """Multiboot's."""
        at = self.at(MAGIC["Multiboot"])
        return self.put(at + 4, "<II", value, -(MAGIC["Multiboot"] + value) & 0xFFFFFFFF)


def build(folder):
    """(as an ELF file, as a flat one): of those the first has no use for addresses in Multiboot's header."""
    program = os.path.join(str(folder), "info")
    target = ("--target=i386-unknown-elf", "-march=i686")
    images.run("clang-19", *target, "-c", os.path.join(HERE, "kernel_x86_info.S"), "-o", f"{program}.s.o")
    images.run("clang-19", *target, "-DINFO", "-mno-sse", "-O2", "-ffreestanding", "-fno-stack-protector", "-fno-pic",
               "-c", os.path.join(HERE, "kernel_x86.c"), "-o", f"{program}.c.o")
    with open(f"{program}.ld", "w", encoding="utf-8") as script:
        script.write(SCRIPT)
    images.run("ld.lld-19", "-m", "elf_i386", "-e", "start", "-T", f"{program}.ld", f"{program}.s.o", f"{program}.c.o", "-o", f"{program}.elf")
    images.run("llvm-objcopy-19", "-O", "binary", f"{program}.elf", f"{program}.bin")
    with open(f"{program}.elf", "rb") as elf, open(f"{program}.bin", "rb") as flat:
        return Image(elf.read()).flags(3), Image(flat.read()).only("Multiboot")


def text(memory, address):
    return memory(address, 256).split(b"\0")[0].decode()


@dataclasses.dataclass(frozen=True)
class Told:
    command_line: str
    modules: tuple  # (start, end)
    address_map: tuple  # (start, end, type)
    acpi_root: bytes | None  # None: by this protocol it is not told
    loader: str | None = None
    memory: tuple | None = None  # KiB


def ranges(entries):
    return tuple((base, base + size, kind) for base, size, kind in entries)


def start_info(memory, at):
    magic, version, flags, modules, module_list, line, root, table, count, _ = struct.unpack("<4I4Q2I", memory(at, 56))
    assert (magic, version, flags) == (0x336EC578, 1, 0)
    module = [struct.unpack("<2Q", memory(module_list + 32 * i, 16)) for i in range(modules)]
    return Told(text(memory, line), tuple((base, base + size) for base, size in module),
                ranges(struct.unpack("<QQI", memory(table + 24 * i, 20)) for i in range(count)), memory(root, 8) if root else b"")


def multiboot(memory, at):
    word = struct.unpack("<30I", memory(at, 120))
    assert word[0] & ~0x8 == 0x245, hex(word[0])
    entries = []
    place, end = word[12], word[12] + word[11]
    while place < end:
        size, *entry = struct.unpack("<IQQI", memory(place, 24))
        entries.append(entry)
        place += size + 4
    modules = [struct.unpack("<2I", memory(word[6] + 16 * i, 8)) for i in range(word[5] if word[0] & 8 else 0)]
    return Told(text(memory, word[4]), tuple(modules), ranges(entries), None, text(memory, word[16]), word[1:3])


def multiboot2(memory, at):
    size = struct.unpack("<I", memory(at, 4))[0]
    data, tags, place = memory(at, size), [], 8
    while True:
        kind, length = struct.unpack_from("<II", data, place)
        tags.append((kind, data[place + 8:place + length]))
        place += -(-length // 8) * 8
        if kind == 0:
            break
    assert place == size, "the end is the last one"
    of = dict(tags)
    entry, version = struct.unpack_from("<II", of[6])
    assert (entry, version) == (24, 0) and struct.unpack("<I", of[21]) == (BASE,)
    modules = [struct.unpack_from("<II", content) for kind, content in tags if kind == 3]
    return Told(of[1][:-1].decode(), tuple(modules), ranges(struct.unpack_from("<QQI", of[6], 8 + 24 * i) for i in range((len(of[6]) - 8) // 24)),
                (of.get(14) or of.get(15, b""))[:8], of[2][:-1].decode(), struct.unpack("<II", of[4]))


READ = {"PVH": start_info, "Multiboot": multiboot, "Multiboot2": multiboot2}
AX = {"Multiboot": 0x2BADB002, "Multiboot2": 0x36D76289}
