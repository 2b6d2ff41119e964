# SPDX-License-Identifier: Apache-2.0
"""A cable with faults: passes frames between QEMU (`-netdev stream`) and a tap, and loses, doubles, delays and reorders some.

What happens to the n-th frame of a direction follows from the seed alone, so a failing seed replays as far as both ends send the
same frames.
"""

import dataclasses
import heapq
import itertools
import os
import random
import selectors
import socket
import struct
import tempfile
import threading
import time

import net

LONGEST_FRAME = 65536


@dataclasses.dataclass(frozen=True)
class Faults:
    """Probabilities for each frame, and seconds."""
    loss: float = 0
    duplicate: float = 0
    reorder: float = 0  # held back for `hold`, while others pass
    corrupt: float = 0  # one bit is changed
    delay: float = 0  # of each frame
    hold: float = 0.003


class Relay:
    """Its `arguments` connect QEMU. One thread; it ends with close()."""

    def __init__(self, namespace, seed=0, faults=Faults(), interface=net.TAP, record=None, change=None):
        """`record`: a file that gets every frame which QEMU sends, in tcpdump's format. `change`: a function of (is from QEMU, number,
        frame) that returns the frames to send instead."""
        # a socket's path has at most 107 bytes
        self._folder = tempfile.TemporaryDirectory(prefix="vireo-relay-")
        path = os.path.join(self._folder.name, "cable")
        self.arguments = ["-netdev", f"stream,id=net0,server=off,addr.type=unix,addr.path={path}"]
        self.faults = faults
        self.counts = {"frames": 0, "lost": 0, "doubled": 0, "held": 0, "corrupted": 0}
        self._change = change
        self._random = {is_from_qemu: random.Random(f"{seed} {is_from_qemu}") for is_from_qemu in (True, False)}
        self._numbers = {True: itertools.count(), False: itertools.count()}
        self._queue, self._order = [], itertools.count()
        self._record = open(record, "wb") if record else None
        if self._record:
            self._record.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, LONGEST_FRAME, 1))
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(1)
        self._qemu, self._input = None, bytearray()
        with namespace.inside():
            self._tap = net.open_tap(interface)
        os.set_blocking(self._tap, False)
        self._end, self._end_sender = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._end_sender.close()
        self._thread.join()
        for one in (self._end, self._listener, self._qemu, self._record):
            if one:
                one.close()
        os.close(self._tap)
        self._folder.cleanup()

    def _run(self):
        with selectors.DefaultSelector() as selector:
            for source, name in ((self._end, "end"), (self._listener, "listener"), (self._tap, "tap")):
                selector.register(source, selectors.EVENT_READ, name)
            while True:
                wait = max(0, self._queue[0][0] - time.monotonic()) if self._queue else None
                for key, _ in selector.select(wait):
                    if key.data == "end":
                        return
                    if key.data == "listener":
                        self._qemu, _ = self._listener.accept()
                        selector.register(self._qemu, selectors.EVENT_READ, "qemu")
                    elif key.data == "tap":
                        self._receive(False, self._read_tap())
                    elif not self._read_qemu():
                        selector.unregister(self._qemu)
                while self._queue and self._queue[0][0] <= time.monotonic():
                    _, _, is_from_qemu, frame = heapq.heappop(self._queue)
                    self._send(is_from_qemu, frame)

    def _read_tap(self):
        try:
            return os.read(self._tap, LONGEST_FRAME)
        except OSError:
            return b""  # the link is down

    def _read_qemu(self):
        """Takes the whole frames out of the stream; each comes after its length."""
        try:
            part = self._qemu.recv(1 << 18)
        except OSError:
            part = b""
        self._input += part
        while len(self._input) >= 4:
            length = int.from_bytes(self._input[:4], "big")
            if len(self._input) < 4 + length:
                break
            frame = bytes(self._input[4:4 + length])
            del self._input[:4 + length]
            if self._record:
                now = time.time()
                self._record.write(struct.pack("<IIII", int(now), int(now % 1 * 1e6), length, length) + frame)
                self._record.flush()
            self._receive(True, frame)
        return bool(part)

    def _receive(self, is_from_qemu, frame):
        if not frame:
            return
        self.counts["frames"] += 1
        number = next(self._numbers[is_from_qemu])
        for one in self._change(is_from_qemu, number, frame) if self._change else (frame,):
            self._pass(is_from_qemu, one)

    def _pass(self, is_from_qemu, frame):
        # The same number of draws for each frame, whatever happens to it.
        lost, doubled, held, corrupted, bit = (self._random[is_from_qemu].random() for _ in range(5))
        due = time.monotonic() + self.faults.delay
        if lost < self.faults.loss:
            self.counts["lost"] += 1
            return
        if corrupted < self.faults.corrupt:
            self.counts["corrupted"] += 1
            # Behind the Ethernet header, whose addresses no checksum covers.
            changed = bytearray(frame)
            position = 14 * 8 + int(bit * (len(frame) - 14) * 8)
            changed[position // 8] ^= 1 << position % 8
            frame = bytes(changed)
        if held < self.faults.reorder:
            self.counts["held"] += 1
            due += self.faults.hold
        for _ in range(2 if doubled < self.faults.duplicate else 1):
            heapq.heappush(self._queue, (due, next(self._order), is_from_qemu, frame))
        self.counts["doubled"] += doubled < self.faults.duplicate

    def _send(self, is_from_qemu, frame):
        try:
            if is_from_qemu:
                os.write(self._tap, frame)
            elif self._qemu:
                self._qemu.sendall(len(frame).to_bytes(4, "big") + frame)
        except OSError:
            self.counts["lost"] += 1  # QEMU is gone, or the tap is down or full
