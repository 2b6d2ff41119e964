# SPDX-License-Identifier: Apache-2.0
"""ACPI tables and SMBIOS structures in a machine's memory, found and read as an operating system does it: from the specifications,
not from Vireo's code."""

import dataclasses
import os
import struct


class Memory:
    """A machine's memory, by its monitor."""

    def __init__(self, monitor):
        self._monitor = monitor

    def read(self, address, size):
        path = os.path.join(self._monitor.folder, "memory")
        self._monitor.command("pmemsave", val=address, size=size, filename=path)
        with open(path, "rb") as file:
            return file.read()


@dataclasses.dataclass
class Table:
    address: int
    data: bytes

    def number(self, offset, size):
        return int.from_bytes(self.data[offset:offset + size], "little")


def whole(data):
    """Its checksum is right."""
    return sum(data) & 0xFF == 0


def find_root(memory):
    """The root pointers in the BIOS area (ACPI 6.4, 5.2.5.1)."""
    low = memory.read(0xE0000, 0x20000)
    return [0xE0000 + at for at in range(0, len(low), 16) if low[at:at + 8] == b"RSD PTR " and whole(low[at:at + 20])]


def read_table(memory, address):
    length = int.from_bytes(memory.read(address + 4, 4), "little")
    assert 36 <= length < 1 << 20, hex(address)
    return Table(address, memory.read(address, length))


def tables(memory, root):
    """signature -> Table, for all that the root pointer leads to; each with its checksum."""
    pointer = memory.read(root, 36)
    assert pointer[:8] == b"RSD PTR " and whole(pointer[:20])
    revision = pointer[15]
    if revision >= 2 and int.from_bytes(pointer[24:32], "little"):
        assert whole(pointer)
        first, width = read_table(memory, int.from_bytes(pointer[24:32], "little")), 8
        assert first.data[:4] == b"XSDT"
    else:
        first, width = read_table(memory, int.from_bytes(pointer[16:20], "little")), 4
        assert first.data[:4] == b"RSDT"
    found = {first.data[:4].decode(): first}
    for at in range(36, len(first.data), width):
        table = read_table(memory, first.number(at, width))
        found[table.data[:4].decode()] = table
    fixed = found["FACP"]
    dsdt = fixed.number(140, 8) if len(fixed.data) >= 148 and fixed.number(140, 8) else fixed.number(40, 4)
    found["DSDT"] = read_table(memory, dsdt)
    for name, table in found.items():
        assert whole(table.data), name
    return found


def smbios(memory):
    """(type, strings) of each structure that an entry point in the BIOS area leads to (SMBIOS 3.6, 5.2)."""
    low = memory.read(0xF0000, 0x10000)
    for at in range(0, len(low), 16):
        entry = low[at:at + 31]
        if entry[:5] == b"_SM3_" and whole(entry[:24]):
            length, address = struct.unpack_from("<IQ", entry, 12)
            break
        if entry[:4] == b"_SM_" and whole(entry) and whole(entry[16:]):
            length, address = struct.unpack_from("<HI", entry, 22)
            break
    else:
        return []
    data = memory.read(address, length)
    found, at = [], 0
    while at < len(data):
        kind, size = data[at], data[at + 1]
        end = data.index(b"\0\0", at + size)
        found.append((kind, [text.decode() for text in data[at + size:end].split(b"\0") if text]))
        at = end + 2
        if kind == 127:
            break
    return found
