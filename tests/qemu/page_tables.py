# SPDX-License-Identifier: Apache-2.0
"""The page tables of a machine that runs, read from outside: what may be done where."""

import dataclasses
import re
import struct


@dataclasses.dataclass(frozen=True)
class Range:
    """What is mapped with the same rights without a gap."""
    start: int
    end: int
    writes: bool
    executes: bool


def of_machine(board, monitor, root):
    """All that is mapped, upwards. `root`: where the tables lie, if it is not the processor that says it."""
    walk = {"qemu_arm": arm, "qemu_arm64": arm64, "qemu-riscv32": riscv, "qemu-riscv64": riscv, "qemu-x86": x86, "qemu-x86_64": x86}
    ranges = []
    for start, size, writes, executes in walk[board.name](Memory(monitor), root, board.bits):
        last = ranges[-1] if ranges else None
        if last and (last.end, last.writes, last.executes) == (start, writes, executes):
            ranges[-1] = Range(last.start, start + size, writes, executes)
        else:
            ranges.append(Range(start, start + size, writes, executes))
    return ranges


class Memory:
    """The machine's, by QEMU's monitor."""

    def __init__(self, monitor):
        self.monitor = monitor

    def words(self, address, count, size):
        path = f"{self.monitor.folder}/table"
        self.monitor.command("pmemsave", val=address, size=count * size, filename=path)
        with open(path, "rb") as table:
            return struct.unpack(f"<{count}{'Q' if size == 8 else 'I'}", table.read())


def tree(memory, table, shift, base, entry_of, bits=9, size=8):
    """Tables that each fill a page: `entry_of` says of an entry (next table or None, writes, executes), or None for nothing."""
    for index, word in enumerate(memory.words(table, 1 << bits, size)):
        entry = entry_of(word, shift)
        at = base + (index << shift)
        if not entry:
            continue
        below, writes, executes = entry
        if below is None:
            yield at, 1 << shift, writes, executes
            continue
        for start, length, more_writes, more_executes in tree(memory, below, shift - bits, at, entry_of, bits, size):
            yield start, length, writes and more_writes, executes and more_executes


def arm(memory, root, _):
    """Short descriptors (Arm ARM, B3.5.1)."""
    for index, word in enumerate(memory.words(root, 4096, 4)):
        if word & 3 == 1:
            for page, small in enumerate(memory.words(word & 0xFFFFFC00, 256, 4)):
                assert small & 3 != 1, "a large page"
                if small & 2:
                    yield (index << 20) + (page << 12), 1 << 12, not small & 0x200, not small & 1
        elif word & 2:
            yield index << 20, 1 << 20, not word & 0x8000, not word & 0x10


def arm64(memory, root, _):
    """4 KiB granule (Arm ARM, D8.3). Never executed: by whom, differs between the exception levels; here both bits count."""
    def entry(word, shift):
        if not word & 1:
            return None
        if shift > 12 and word & 2:
            return word & 0xFFFFFFFFF000, True, True
        return None, not word & 1 << 7, word >> 53 & 3 != 3
    yield from tree(memory, root, 39, 0, lambda word, shift: entry(word, shift))


def riscv(memory, root, bits):
    def entry(word, _):
        if not word & 1:
            return None
        if not word & 0xE:
            return word >> 10 << 12, True, True
        return None, bool(word & 4), bool(word & 8)
    if bits == 64:
        yield from tree(memory, root, 30, 0, entry)
    else:
        yield from tree(memory, root, 22, 0, entry, bits=10, size=4)


def x86(memory, _, bits):
    """Long mode, or physical address extension."""
    state = memory.monitor.command("human-monitor-command", **{"command-line": "info registers"})
    root = int(re.search(r"CR3=([0-9a-f]+)", state)[1], 16)
    assert int(re.search(r"CR0=([0-9a-f]+)", state)[1], 16) & 1 << 16, "read-only means nothing without CR0.WP"
    address = 0x000FFFFFFFFFF000

    def entry(word, shift):
        if not word & 1:
            return None
        writes, executes = bool(word & 2), not word >> 63
        if shift > 12 and not word & 0x80:
            return word & address, writes, executes
        return None, writes, executes
    if bits == 64:
        yield from tree(memory, root, 39, 0, entry)
        return
    for index, word in enumerate(memory.words(root, 4, 8)):
        if word & 1:
            yield from tree(memory, word & address, 21, index << 30, entry)
