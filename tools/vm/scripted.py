# SPDX-License-Identifier: Apache-2.0
"""Servers that do what a test says, also what no server should: HTTP, TFTP and whatever answers a datagram."""

import contextlib
import socket
import struct
import threading

import net

READ, WRITE, DATA, ACK, ERROR, OPTION_ACK = range(1, 7)
PATIENCE = 120  # seconds; an end for a script whose machine has gone


class Server:
    """A thread that serves a socket made in the namespace; an exception in it is raised at the end, in the test."""

    def __init__(self, namespace, kind, port, address):
        self.namespace, self._failure, self._is_over = namespace, None, threading.Event()
        self._socket = self.open(kind, (address, port))
        if kind == socket.SOCK_STREAM:
            self._socket.listen(16)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def open(self, kind, at):
        with self.namespace.inside():
            one = socket.socket(socket.AF_INET6 if ":" in at[0] else socket.AF_INET, kind)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(at)
        one.settimeout(0.2)
        return one

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()
        self._socket.close()
        if self._failure:
            raise self._failure

    def is_over(self):
        return self._is_over.is_set()

    def _run(self):
        while not self._is_over.is_set():
            try:
                self.turn()
            except TimeoutError:
                continue
            except OSError:
                continue  # the machine hung up
            except Exception as failure:  # pylint: disable=broad-except
                self._failure = failure
                return


class Http(Server):
    """Calls `answer(connection, request)` for each connection, one after the other; the connection ends with it."""

    def __init__(self, namespace, answer, port=80, address=net.HOST):
        self._answer, self.requests = answer, []
        super().__init__(namespace, socket.SOCK_STREAM, port, address)

    def turn(self):
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(PATIENCE)
            request = b""
            while b"\r\n\r\n" not in request:
                part = connection.recv(4096)
                if not part:
                    return
                request += part
            self.requests.append(request.decode("latin-1"))
            self._answer(connection, self.requests[-1])
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)  # an end, not a reset, even if we have not read all
                connection.settimeout(5)
                while connection.recv(65536):
                    pass


class Datagrams(Server):
    """Calls `answer(datagram, source)`; each of the datagrams that it returns goes back. `broadcast`: to everybody at that port."""

    def __init__(self, namespace, answer, port, address=net.HOST, broadcast=None):
        self._answer, self._broadcast = answer, broadcast
        super().__init__(namespace, socket.SOCK_DGRAM, port, address)
        if broadcast:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, net.TAP.encode())

    def turn(self):
        datagram, source = self._socket.recvfrom(65536)
        for answer in self._answer(datagram, source):
            self._socket.sendto(answer, ("255.255.255.255", self._broadcast) if self._broadcast else source)


class Transfer:
    """One TFTP transfer, as the script plays it."""

    def __init__(self, server, request, peer):
        words = request[2:].split(b"\0")
        self.opcode = struct.unpack(">H", request[:2])[0]
        self.name = words[0].decode("latin-1")
        self.options = dict(zip((word.decode().lower() for word in words[2::2]), words[3::2]))
        self.server, self.peer = server, peer
        self.socket = server.open(socket.SOCK_DGRAM, (net.HOST, 0))

    def send(self, opcode, body=b"", number=None, to=None):
        head = struct.pack(">H", opcode) + (b"" if number is None else struct.pack(">H", number & 0xFFFF))
        (to or self.socket).sendto(head + body, self.peer)

    def data(self, number, body):
        self.send(DATA, body, number)

    def accept(self, **options):
        self.send(OPTION_ACK, b"".join(f"{name}\0{value}\0".encode() for name, value in options.items()))

    def error(self, code, text):
        self.send(ERROR, text.encode() + b"\0", code)

    def wait(self, opcode=ACK, number=None, patience=PATIENCE):
        """The next datagram of that kind (and that block, modulo 65536); others are passed over. None: it does not come."""
        self.socket.settimeout(0.2)
        for _ in range(int(patience / 0.2)):
            if self.server.is_over():
                return None
            try:
                datagram = self.socket.recv(65536)
            except TimeoutError:
                continue
            got, field = struct.unpack(">HH", datagram[:4].ljust(4, b"\0"))
            if got == ERROR and opcode != ERROR:
                return None
            if got == opcode and (number is None or field == number & 0xFFFF):
                return datagram
        return None

    def send_all(self, content, first=1, block_bytes=512):
        """The rest of a file, one block at a time, as it should be."""
        for start in range((first - 1) * block_bytes, len(content) + 1, block_bytes):
            number = start // block_bytes + 1
            for _ in range(20):
                self.data(number, content[start:start + block_bytes])
                if self.wait(ACK, number, 1):
                    break
            else:
                return


class Tftp(Server):
    """Calls `play(transfer)` for each request, one after the other; a request that is repeated meanwhile is passed over."""

    def __init__(self, namespace, play, address=net.HOST, port=69):
        self._play, self.transfers, self._seen = play, [], set()
        super().__init__(namespace, socket.SOCK_DGRAM, port, address)

    def forget(self, peer):
        """The next request of this one is another one."""
        self._seen.discard(peer)

    def turn(self):
        request, peer = self._socket.recvfrom(65536)
        if peer in self._seen:
            return
        self._seen.add(peer)
        transfer = Transfer(self, request, peer)
        self.transfers.append(transfer)
        with transfer.socket:
            self._play(transfer)
