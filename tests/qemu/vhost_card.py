# SPDX-License-Identifier: Apache-2.0
"""A network card that QEMU leaves to us (vhost-user): the rings are in our hands, so the device itself can lie to the image that
ships. It answers ARP and pings; before it answers the next ping it does what `lie` says."""

import mmap
import os
import struct
import sys

import frames

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "hosted"))
import back_end  # noqa: E402

MRG_RXBUF = 1 << 15
HEADER = struct.Struct("<BBHHHHH")  # section 5.1.6


def header(buffers=1, flags=0, gso=0, header_bytes=0, gso_size=0, checksum_start=0, checksum_offset=0):
    return HEADER.pack(flags, gso, header_bytes, gso_size, checksum_start, checksum_offset, buffers)


class Connection(back_end.Connection):
    """A split ring to receive (0) and one to send (1)."""

    def take(self, request, payload, files):
        if request != back_end.SET_MEM_TABLE:
            return super().take(request, payload, files)
        # Pieces of one file: it is mapped as a whole.
        count, = struct.unpack_from("<I", payload)
        table = [struct.unpack_from("<QQQQ", payload, 8 + 32 * number) for number in range(count)]
        self.memory = mmap.mmap(files[0], max(offset + size for _, size, _, offset in table))
        for file in files:
            os.close(file)
        self.regions = table
        return None

    def find(self, address, column):
        for region in self.regions:
            if region[column] <= address < region[column] + region[1]:
                return address - region[column] + region[3]
        raise AssertionError(f"no memory at {address:#x}")

    def guest(self, address):
        return self.find(address, 0)

    def user(self, address):
        return self.find(address, 2)

    def work(self, ring):
        if ring is self.rings[1]:
            super().work(ring)

    def execute(self, chain):
        frame = b"".join(self.memory[at:at + size] for at, size, _ in chain)[HEADER.size:]
        kind, = struct.unpack_from(">H", frame, 12)
        swapped = frame[6:12] + frames.SOURCE + frame[12:14]
        if kind == 0x0806 and frame[20:22] == b"\0\1":
            self.give(swapped + frame[14:20] + b"\0\2" + frames.SOURCE + frame[38:42] + frame[22:32])
        elif kind == 0x0800 and frame[23] == 1 and frame[34] == 8:
            lie, self.back_end.lie = self.back_end.lie, None
            if lie:
                lie(self)
            message = b"\0\0\0\0" + frame[38:]
            answer = message[:2] + struct.pack(">H", frames.checksum(message)) + message[4:]
            self.give(swapped + frames.ipv4(answer, frame[26:30], 1))
        return 0

    def next_buffer(self):
        """Takes one that the driver has offered: its id, and its room as (where, size)."""
        ring = self.rings[0]
        head, = self.load("H", ring.available + 4 + ring.base % ring.size * 2)
        assert self.load("H", ring.available + 2)[0] != ring.base & 0xffff, "the driver offers no buffer"
        ring.base = (ring.base + 1) & 0xffff
        return head, [(at, size) for at, size, _ in self.split_chain(ring.descriptors, head)]

    def use(self, number, written):
        ring = self.rings[0]
        used, = self.load("H", ring.used + 2)
        self.store("II", ring.used + 4 + used % ring.size * 8, number, written)
        self.store("H", ring.used + 2, (used + 1) & 0xffff)

    def give(self, frame, head=header(), written=None):
        """One buffer with this in it; says so many bytes."""
        number, rooms = self.next_buffer()
        data = head + frame
        for at, size in rooms:
            part, data = data[:size], data[size:]
            self.memory[at:at + len(part)] = part
        self.use(number, len(head) + len(frame) if written is None else written)


class Card(back_end.BackEnd):
    connection = Connection

    def __init__(self, path):
        super().__init__(path, sectors=0)
        self.features = back_end.VERSION_1 | back_end.INDIRECT_DESC | MRG_RXBUF
        self.protocol = 0
        self.lie = None
        self.path = path

    def arguments(self, megabytes=128):
        """For QEMU: the machine's memory is a file, which is how we come at the rings."""
        return ["-object", f"memory-backend-memfd,id=ram,size={megabytes}M,share=on", "-machine", "memory-backend=ram",
                "-chardev", f"socket,id=card,path={self.path}", "-netdev", "vhost-user,id=net0,chardev=card"]
