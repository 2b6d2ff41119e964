# SPDX-License-Identifier: Apache-2.0
"""Partition tables that no tool would write, byte by byte, on disks of 32 MiB."""

import dataclasses
import struct
import uuid
import zlib

BLOCK = 512
BLOCKS = 65536
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"
EFI_SYSTEM = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"


@dataclasses.dataclass
class GptEntry:
    first: int
    last: int  # inclusive
    kind: str = LINUX
    attributes: int = 0

    def pack(self, name):
        return struct.pack("<16s16sQQQ72s", uuid.UUID(self.kind).bytes_le, uuid.uuid4().bytes, self.first, self.last,
                           self.attributes, name.encode("utf-16-le"))


def write(path, disk, contents=()):
    """`contents`: (block, file) pairs that are copied into the disk."""
    for block, file in contents:
        content = open(file, "rb").read()
        disk[block * BLOCK:block * BLOCK + len(content)] = content
    path.write_bytes(disk)
    return path


def record(disk, block, entries):
    """A boot record at `block`: (type, first block, count[, flag]) each."""
    for number, (kind, first, count, *flag) in enumerate(entries):
        at = block * BLOCK + 446 + 16 * number
        disk[at:at + 16] = struct.pack("<B3xB3xII", flag[0] if flag else 0, kind, first, count)
    disk[block * BLOCK + 510:block * BLOCK + 512] = b"\x55\xaa"


def mbr(path, entries, records=(), contents=()):
    """`records`: (block, entries) of the chain of logical partitions."""
    disk = bytearray(BLOCKS * BLOCK)
    record(disk, 0, entries)
    for block, described in records:
        record(disk, block, described)
    return write(path, disk, contents)


def gpt(path, entries, usable=(34, BLOCKS - 34), contents=(), with_primary=True, protective_blocks=BLOCKS - 1):
    """`entries`: GptEntry, or None for one that is not in use. Primary and backup table, checksums right."""
    disk = bytearray(BLOCKS * BLOCK)
    record(disk, 0, [(0xEE, 1, protective_blocks)])
    table = b"".join(entry.pack(f"p{number}") if entry else bytes(128) for number, entry in enumerate(entries, 1))
    table += bytes(128 * max(0, 128 - len(entries)))
    blocks = -(-len(table) // BLOCK)

    def header(own, other, where):
        fields = [b"EFI PART", 0x10000, 92, 0, 0, own, other, *usable, bytes(range(16)), where, len(table) // 128, 128,
                  zlib.crc32(table)]
        fields[3] = zlib.crc32(struct.pack("<8sIIIIQQQQ16sQIII", *fields))
        return struct.pack("<8sIIIIQQQQ16sQIII", *fields)

    for own, other, where in ((1, BLOCKS - 1, 2), (BLOCKS - 1, 1, BLOCKS - 1 - blocks)):
        disk[own * BLOCK:own * BLOCK + 92] = header(own, other, where)
        disk[where * BLOCK:where * BLOCK + len(table)] = table
    if not with_primary:
        disk[BLOCK:2 * BLOCK] = bytes(BLOCK)
    return write(path, disk, contents)
