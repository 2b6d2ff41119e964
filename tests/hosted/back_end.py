# SPDX-License-Identifier: Apache-2.0
"""A vhost-user disk of our own, small enough to lie: protocol, split and packed ring, written from the documents.

`BackEnd(path)` serves one front end after the other from a thread. What it answers to a request can be replaced, one request at
a time: `lies[REQUEST] = function(connection, request, payload)` does what it likes instead of the honest answer.
"""
import array
import mmap
import os
import select
import socket
import struct
import threading

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR = 12, 13, 14
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE = 15, 16, 17, 18
GET_CONFIG, SET_CONFIG = 24, 25
NAMES = {value: name for name, value in globals().items() if name.isupper() and isinstance(value, int)}

VERSION, REPLY, NEED_REPLY = 1, 4, 8
PROTOCOL_FEATURES = 1 << 30
MQ, REPLY_ACK, CONFIG = 1 << 0, 1 << 3, 1 << 9
INDIRECT_DESC, VERSION_1, RING_PACKED = 1 << 28, 1 << 32, 1 << 34

NEXT, WRITE, INDIRECT, AVAIL, USED = 1, 2, 4, 1 << 7, 1 << 15
SECTOR = 512


class Ring:
    """One virtqueue, as this side sees it (sections 2.7 and 2.8)."""

    def __init__(self):
        self.size = self.base = 0
        self.descriptors = self.available = self.used = 0
        self.kick = self.error = None
        self.enabled = self.started = False


class Connection:
    """One front end."""

    def __init__(self, back_end, sock):
        self.back_end, self.sock = back_end, sock
        self.memory = None
        self.regions = []
        self.features = 0
        self.acknowledge = False
        self.rings = [Ring() for _ in range(4)]
        self.seen = []

    # --- messages

    def read(self, count):
        data, files = b"", array.array("i")
        while len(data) < count:
            part, control, _, _ = self.sock.recvmsg(count - len(data), socket.CMSG_SPACE(64))
            if not part:
                raise EOFError
            for _, _, content in control:
                files.frombytes(content[:len(content) // 4 * 4])
            data += part
        return data, list(files)

    def reply(self, request, payload, flags=VERSION | REPLY, size=None, files=()):
        head = struct.pack("<III", request, flags, len(payload) if size is None else size)
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
        self.sock.sendmsg([head + payload], control)

    def serve(self):
        while True:
            kicks = {ring.kick: ring for ring in self.rings if ring.started}
            ready, _, _ = select.select([self.sock, self.back_end.wake, *kicks], [], [])
            if self.back_end.wake in ready:
                return
            for kick in ready:
                if kick in kicks:
                    os.read(kick, 8)
                    self.work(kicks[kick])
            if self.sock in ready:
                self.message()

    def message(self):
        head, files = self.read(12)
        request, flags, size = struct.unpack("<III", head)
        payload = self.read(size)[0] if size else b""
        self.seen.append(NAMES[request])
        wants = self.acknowledge and flags & NEED_REPLY
        lie = self.back_end.lies.get(request)
        if lie:
            lie(self, request, payload)
            return
        answer = self.take(request, payload, files)
        if answer is not None:
            self.reply(request, answer)
        elif wants:
            self.reply(request, struct.pack("<Q", 0))

    def take(self, request, payload, files):
        """Does what a request says; its answer, if it has one of its own."""
        if request == GET_FEATURES:
            return struct.pack("<Q", self.back_end.features | PROTOCOL_FEATURES)
        if request == SET_FEATURES:
            self.features = struct.unpack("<Q", payload)[0]
        elif request == GET_PROTOCOL_FEATURES:
            return struct.pack("<Q", self.back_end.protocol)
        elif request == SET_PROTOCOL_FEATURES:
            self.acknowledge = bool(struct.unpack("<Q", payload)[0] & REPLY_ACK)
        elif request == GET_QUEUE_NUM:
            return struct.pack("<Q", len(self.rings))
        elif request == SET_MEM_TABLE:
            guest, size, user, offset = struct.unpack_from("<QQQQ", payload, 8)
            self.memory = mmap.mmap(files[0], size, offset=offset)
            self.memory_file = files[0]
            self.regions = [(guest, size), (user, size)]
        elif request == GET_CONFIG:
            offset, size, flags = struct.unpack_from("<III", payload)
            config = self.back_end.config()[offset:offset + size]
            return struct.pack("<III", offset, size, flags) + config if len(config) == size else b""
        elif request in (SET_VRING_NUM, SET_VRING_BASE, SET_VRING_ENABLE, GET_VRING_BASE):
            index, value = struct.unpack("<II", payload)
            ring = self.rings[index]
            if request == SET_VRING_NUM:
                ring.size = value
            elif request == SET_VRING_BASE:
                ring.base = value
            elif request == SET_VRING_ENABLE:
                ring.enabled = bool(value)
            else:
                ring.started = ring.enabled = False
                return struct.pack("<II", index, ring.base)
        elif request == SET_VRING_ADDR:
            index, _, descriptors, used, available, _ = struct.unpack("<IIQQQQ", payload)
            ring = self.rings[index]
            ring.descriptors, ring.used, ring.available = map(self.user, (descriptors, used, available))
        elif request in (SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR):
            ring = self.rings[struct.unpack("<Q", payload)[0] & 0xff]
            if request == SET_VRING_KICK:
                ring.kick, ring.started = files[0], True
            elif request == SET_VRING_ERR:
                ring.error = files[0]
        return None

    # --- memory

    def user(self, address):
        return address - self.regions[1][0]

    def guest(self, address):
        return address - self.regions[0][0]

    def load(self, form, offset):
        return (self.word(offset)[0],) if form == "H" else struct.unpack_from("<" + form, self.memory, offset)

    def store(self, form, offset, *values):
        if form == "H":
            self.word(offset)[0] = values[0]
        else:
            struct.pack_into("<" + form, self.memory, offset, *values)

    def word(self, offset):
        """What the other side watches while it is written (an index, the flags of a packed descriptor): one access. pack_into()
        clears the field first and then writes byte after byte, so that a driver may read an index that never was."""
        return memoryview(self.memory)[offset:offset + 2].cast("H")

    # --- rings

    def work(self, ring):
        if not ring.enabled:
            return
        self.back_end.kicks += 1
        if self.back_end.on_kick:
            self.back_end.on_kick(self, ring)
            return
        packed = self.features & RING_PACKED
        while self.work_packed(ring) if packed else self.work_split(ring):
            pass

    def work_split(self, ring):
        index, = self.load("H", ring.available + 2)
        if index == ring.base & 0xffff:
            return False
        head, = self.load("H", ring.available + 4 + ring.base % ring.size * 2)
        written = self.execute(self.split_chain(ring.descriptors, head))
        used, = self.load("H", ring.used + 2)
        self.store("II", ring.used + 4 + used % ring.size * 8, head, written)
        self.store("H", ring.used + 2, (used + 1) & 0xffff)
        ring.base = (ring.base + 1) & 0xffff
        return True

    def split_chain(self, table, index):
        while True:
            address, size, flags, following = self.load("QIHH", table + index * 16)
            if flags & INDIRECT:
                yield from self.split_chain(self.guest(address), 0)
            else:
                yield self.guest(address), size, flags & WRITE
            if not flags & NEXT:
                return
            index = following

    def work_packed(self, ring):
        position, wrap = ring.base & 0x7fff, ring.base >> 15 & 1
        flags, = self.load("H", ring.descriptors + position * 16 + 14)
        if bool(flags & AVAIL) != bool(wrap) or bool(flags & USED) == bool(wrap):
            return False
        chain, first, first_wrap = [], position, wrap
        while True:
            address, size, buffer, flags = self.load("QIHH", ring.descriptors + position * 16)
            position += 1
            if position == ring.size:
                position, wrap = 0, 1 - wrap
            if flags & INDIRECT:
                for at in range(self.guest(address), self.guest(address) + size, 16):
                    inner, length, _, inner_flags = self.load("QIHH", at)
                    chain.append((self.guest(inner), length, inner_flags & WRITE))
            else:
                chain.append((self.guest(address), size, flags & WRITE))
            if not flags & NEXT:
                break
        written = self.execute(chain)
        at = ring.descriptors + first * 16
        self.store("IH", at + 8, written, buffer)
        self.store("H", at + 14, AVAIL | USED if first_wrap else 0)
        ring.base = (position | wrap << 15) * 0x10001
        return True

    def execute(self, chain):
        """One block request (section 5.2.6): how many bytes were written."""
        chain = list(chain)
        out = b"".join(self.memory[at:at + size] for at, size, write in chain if not write)
        rooms = [(at, size) for at, size, write in chain if write]
        status_at = rooms[-1][0]
        kind, _, sector = struct.unpack_from("<IIQ", out)
        disk, start = self.back_end.disk, sector * SECTOR
        written = 1
        if kind == 1:
            disk[start:start + len(out) - 16] = out[16:]
        elif kind in (0, 8):
            data = bytes(disk[start:]) if kind == 0 else b"fake".ljust(20, b"\0")
            for at, size in rooms[:-1]:
                part, data = data[:size], data[size:]
                self.memory[at:at + len(part)] = part
                written += len(part)
        self.memory[status_at] = 0
        return written


class BackEnd:
    """Listens on `path`; `disk` is its content. Ends with close()."""

    connection = Connection

    def __init__(self, path, sectors=2048):
        self.features = VERSION_1 | INDIRECT_DESC
        self.protocol = MQ | REPLY_ACK | CONFIG
        self.disk = bytearray(b"".join(struct.pack("<Q", n) * (SECTOR // 8) for n in range(sectors)))
        self.lies = {}
        self.on_connect = self.on_kick = None
        self.kicks = 0
        self.connections = []
        self.problems = []
        self.wake, self.waker = os.pipe()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def config(self):
        return struct.pack("<Q", len(self.disk) // SECTOR).ljust(60, b"\0")

    def run(self):
        while True:
            ready, _, _ = select.select([self.listener, self.wake], [], [])
            if self.wake in ready:
                return
            connection = self.connection(self, self.listener.accept()[0])
            self.connections.append(connection)
            try:
                if self.on_connect:
                    self.on_connect(connection)
                connection.serve()
            except (EOFError, ConnectionError):
                pass
            except Exception as problem:  # for the test to find; a thread has nobody else to tell
                self.problems.append(repr(problem))
            finally:
                connection.sock.close()

    def close(self):
        os.write(self.waker, b"x")
        self.thread.join()
        self.listener.close()
