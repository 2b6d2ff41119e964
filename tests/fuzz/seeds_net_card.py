# SPDX-License-Identifier: Apache-2.0
"""The seeds of net_card, for seeds.py: bytes as Card::step takes them."""
import struct

FRAME, CLAIM, RAW, SEND, TEMPER, STRIKE, CALL, PASS = range(8)


def make(seed):
    """`seed` takes a name and bytes."""
    def card(name, *steps, bus=4, rings=0, turned=0, size=7, mtu=0):
        seed(name, struct.pack("<BBIBH", bus, rings, turned, size, mtu) + b"".join(steps))

    def frame(size):
        return struct.pack("<BH", FRAME, size)

    def claim(size, flags=0, gso=0, start=0, offset=0, buffers=1):
        return struct.pack("<BHBBBHHH", CLAIM, size, 0, flags, gso, start, offset, buffers)

    def temper(faults, *fates):
        return struct.pack("<BHB", TEMPER, faults, len(fates) - 1) + b"".join(struct.pack("<BBI", *fate) for fate in fates)

    def strike(what, number, delay=0):
        return struct.pack("<BBBH", STRIKE, delay, what, number)
    send, call, rest = bytes([SEND, 20, 20, 30]), lambda what: bytes([CALL, what]), bytes([PASS, 30, 9])
    work = frame(60) + frame(1514) + send + rest + frame(60000) + rest
    for bus in range(5):
        card(f"bus_{bus}", work, call(8), call(17), bus=bus)
    card("packed", work, call(8), rings=4)
    card("header_apart", work, bus=2, rings=8)
    card("no_merging", work, turned=1 << 15, mtu=9000)
    card("nothing", work, turned=0xFFFFFF)
    card("short_queues", work, size=0)
    card("no_address", work, turned=1 << 5, bus=1)
    card("buffers", *(claim(100, buffers=count) for count in (0, 2, 20, 21, 65535)), rest, work)
    card("checksums", claim(100, 1, 0, 34, 16), claim(100, 1, 0, 99, 0), claim(100, 2), claim(100, 5, 0, 65535, 65535), rest)
    card("segments", *(claim(3000, 1, kind, 34, 16) for kind in (1, 4, 0x81, 3, 5, 0x20)), rest)
    card("short", *(bytes([RAW, size]) + (bytes(10) + b"\1" + bytes(15))[:size] for size in (0, 5, 12, 13, 25, 26)), rest)
    card("longer_than_it_is", temper(0, (2, 0, 70000), (0, 0, 0)), work)
    card("wrong_buffer", temper(0, (1, 0, 3), (0, 0, 0)), work, call(3), work)
    card("twice", temper(0, (4, 0, 2)), work)
    card("silent", temper(0x418, (0, 0, 0)), work, call(8), call(17))
    card("refuses", temper(0, (0x81, 0, 0)), call(8), call(17), temper(0, (0xC0, 0, 0)), call(8))
    card("needs_reset", work, strike(1, 0), rest, temper(0x2000, (0, 3, 0)), work, call(8))
    card("link", strike(2, 0x600), rest, bytes([CALL, 2]), strike(2, 0x601), rest)
    card("other_mtu", strike(2, 0xB20), strike(1, 0), rest, work, turned=1 << 15, mtu=1500)
    card("index", work, strike(3, 9), rest, call(3), work)
    card("listens_again", work, call(5), frame(60), call(4), work)
