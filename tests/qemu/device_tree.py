# SPDX-License-Identifier: Apache-2.0
"""Device trees that a test changes: QEMU's own one is read, altered and given back with -dtb."""

import dataclasses
import struct
import subprocess

BEGIN, END, PROPERTY, NOP, LAST = 1, 2, 3, 4, 9


@dataclasses.dataclass
class Node:
    name: str
    properties: dict  # name -> bytes
    children: list

    def child(self, start):
        """The child whose name starts so."""
        return next(node for node in self.children if node.name.startswith(start))

    def without(self, *starts):
        self.children = [node for node in self.children if not node.name.startswith(starts)]

    def all(self):
        """This node and all below it."""
        found = [self]
        for node in found:
            found += node.children
        return found


def cells(*values):
    return struct.pack(f">{len(values)}I", *values)


def read(blob):
    """The root of a flattened tree that is in order."""
    at, strings = struct.unpack_from(">II", blob, 8)
    stack = [Node("", {}, [])]
    while True:
        token, at = struct.unpack_from(">I", blob, at)[0], at + 4
        if token == BEGIN:
            end = blob.index(b"\0", at)
            node = Node(blob[at:end].decode(), {}, [])
            stack[-1].children.append(node)
            stack.append(node)
            at = end + 4 - end % 4
        elif token == END:
            stack.pop()
        elif token == PROPERTY:
            size, name = struct.unpack_from(">II", blob, at)
            name = blob[strings + name:blob.index(b"\0", strings + name)].decode()
            stack[-1].properties[name] = blob[at + 8:at + 8 + size]
            at += 8 + size + -size % 4
        elif token == LAST:
            return stack[0].children[0]


def write(root):
    """The flattened tree. Not by recursion: trees of tests may be deep."""
    strings, places, structure = bytearray(), {}, bytearray()
    work = [root]
    while work:
        node = work.pop()
        if node is None:
            structure += struct.pack(">I", END)
            continue
        name = node.name.encode() + b"\0"
        structure += struct.pack(">I", BEGIN) + name + bytes(-len(name) % 4)
        for key, value in node.properties.items():
            if key not in places:
                places[key] = len(strings)
                strings += key.encode() + b"\0"
            structure += struct.pack(">III", PROPERTY, len(value), places[key]) + value + bytes(-len(value) % 4)
        work += [None, *reversed(node.children)]
    structure += struct.pack(">I", LAST)
    reservations = bytes(16)
    at = 40 + len(reservations)
    header = struct.pack(">10I", 0xD00DFEED, at + len(structure) + len(strings), at, at + len(structure), 40, 17, 16, 0,
                         len(strings), len(structure))
    return header + reservations + bytes(structure) + bytes(strings)


def of_machine(command, folder):
    """The tree that QEMU makes for this command line (a list that has `-machine virt`)."""
    path = folder / "qemu.dtb"
    at = command.index("-machine") + 1
    subprocess.run([*command[:at], f"{command[at]},dumpdtb={path}", *command[at + 1:]], check=True, capture_output=True,
                   stdin=subprocess.DEVNULL, timeout=60)
    return read(path.read_bytes())
