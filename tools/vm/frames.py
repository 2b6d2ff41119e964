# SPDX-License-Identifier: Apache-2.0
"""Frames that no host should send, and a thread that floods a tap with them."""

import random
import socket
import struct
import threading

import net

MAC = bytes.fromhex("525400123456")  # QEMU's first NIC
BROADCAST = b"\xff" * 6
SOURCE = bytes.fromhex("02aabbccddee")
HOST, HOST6 = socket.inet_aton(net.HOST), socket.inet_pton(socket.AF_INET6, net.HOST6)


def checksum(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(payload, kind=0x0800, target=MAC):
    return target + SOURCE + struct.pack(">H", kind) + payload


def ipv4(payload, target, protocol=17, total=None, header_words=5, fragment=0, identification=1, version=4, wrong_sum=0):
    """A header and what follows; every field can be wrong."""
    total = 20 + len(payload) if total is None else total
    head = struct.pack(">BBHHHBBH4s4s", version << 4 | header_words, 0, total & 0xFFFF, identification, fragment, 64, protocol, 0, HOST, target)
    return head[:10] + struct.pack(">H", checksum(head) ^ wrong_sum) + head[12:] + payload


def udp(payload, target, port, length=None, wrong_sum=0, source=69):
    length = 8 + len(payload) if length is None else length
    pseudo = HOST + target + struct.pack(">BBH", 0, 17, length & 0xFFFF)
    head = struct.pack(">HHHH", source, port, length & 0xFFFF, 0)
    return head[:6] + struct.pack(">H", (checksum(pseudo + head + payload) or 0xFFFF) ^ wrong_sum) + payload


def echo(target, payload=b"x" * 32, wrong_sum=0, **fields):
    message = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + payload
    return ipv4(message[:2] + struct.pack(">H", checksum(message) ^ wrong_sum) + message[4:], target, 1, **fields)


def ipv6(payload, next_header=58, length=None, target=bytes.fromhex("ff02") + bytes(13) + b"\1"):
    return struct.pack(">IHBB", 6 << 28, len(payload) if length is None else length, next_header, 255) + HOST6 + target + payload


def bad_frames(target):
    """One of each kind, for a machine with the IPv4 address `target` (4 bytes)."""
    router = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    good = udp(b"hello", target, 1069)
    yield from (MAC, MAC + SOURCE, ethernet(b""), ethernet(b"\x45"), ethernet(bytes(46)), ethernet(b"\xff" * 1486))
    for size in (0, 1, 19, 21, 27):
        yield ethernet(ipv4(good, target)[:size])
    for total in (0, 19, 20, 27, 1500, 65535):
        yield ethernet(ipv4(good, target, total=total))
    for words in (0, 4, 6, 15):
        yield ethernet(ipv4(good, target, header_words=words))
    yield from (ethernet(ipv4(good, target, version=5)), ethernet(ipv4(good, target, wrong_sum=1)))
    yield from (ethernet(ipv4(udp(b"hello", target, 1069, wrong_sum=1), target)), ethernet(echo(target, wrong_sum=1)))
    for length in (0, 7, 8, 12, 14, 65535):
        yield ethernet(ipv4(udp(b"hello", target, 1069, length=length), target))
    for number in range(64):  # fragments whose rest never comes; overlapping ones; one beyond 65,535 bytes
        yield ethernet(ipv4(bytes(64), target, fragment=0x2000, identification=number))
    for start, size in ((0, 64), (4, 64), (2, 24), (8, 8), (0, 8)):
        yield ethernet(ipv4(bytes(size), target, fragment=0x2000 | start, identification=999))
    yield from (ethernet(ipv4(bytes(1400), target, fragment=0x1FFF, identification=998)), ethernet(ipv4(b"", target, fragment=0x2000, identification=997)))
    for size in (0, 7, 8, 20, 27):
        yield ethernet(struct.pack(">HHBBH", 1, 0x800, 6, 4, 2).ljust(size, b"\0")[:size], 0x0806)
    yield ethernet(struct.pack(">HHBBH", 1, 0x800, 255, 255, 2) + bytes(40), 0x0806, BROADCAST)
    for kind in (0x8100, 0x88A8, 0x8863, 0x0001, 0xFFFF):
        yield ethernet(bytes(60), kind)
    for length in (0, 1, 8, 1000, 65535):
        yield ethernet(ipv6(router, length=length), 0x86DD, b"\x33\x33\0\0\0\1")
    for option in (b"\1\0", b"\3\0" + bytes(30), b"\5\xff" + bytes(6), b"\1\1" + bytes(3), b"\3\4" + b"\xff" * 30):
        body = router + option
        pseudo = HOST6 + bytes.fromhex("ff02") + bytes(13) + b"\1" + struct.pack(">II", len(body), 58)
        yield ethernet(ipv6(body[:2] + struct.pack(">H", checksum(pseudo + body)) + body[4:]), 0x86DD, b"\x33\x33\0\0\0\1")
    for following in (0, 43, 44, 60, 59, 255):  # headers that lead to themselves
        yield ethernet(ipv6(bytes([following, 0]) * 100, next_header=following), 0x86DD, b"\x33\x33\0\0\0\1")
    # a TCP header longer than its segment
    yield ethernet(ipv4(struct.pack(">HHIIHHHH", 80, 40000, 1, 1, 0xF012, 100, 0, 0), target, 6))
    yield ethernet(ipv4(struct.pack(">HHIIHHHH", 80, 40000, 1, 1, 0x0012, 100, 0, 0), target, 6))
    yield ethernet(ipv4(bytes([5, 1, 0, 0]) + HOST + echo(target)[:28], target, 1))  # redirect


def seeded(target, seed):
    """Endlessly: the frames above, each with some bytes changed."""
    source, frames = random.Random(seed), list(bad_frames(target))
    while True:
        frame = bytearray(source.choice(frames))
        for _ in range(source.randrange(4)):
            if len(frame) > 14:
                frame[source.randrange(14, len(frame))] = source.randrange(256)
        yield bytes(frame)


class Flood:
    """Sends frames to a tap from a thread, as fast as the tap takes them or with a pause between."""

    def __init__(self, namespace, frames, pause=0.0, interface=net.TAP):
        with namespace.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self._socket.bind((interface, 0))
        self.sent = 0
        self._frames, self._pause, self._is_over = frames, pause, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()
        self._socket.close()

    def _run(self):
        for frame in self._frames:
            if self._is_over.wait(self._pause) if self._pause else self._is_over.is_set():
                return
            try:
                self._socket.send(frame)
                self.sent += 1
            except OSError:
                self._is_over.wait(0.001)  # shorter than the host sends at all; the tap is full; no QEMU
