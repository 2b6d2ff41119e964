# SPDX-License-Identifier: Apache-2.0
"""HTTP: servers as they are, and servers that lie, stall and die: one clear line, the prompt is back, the next command works."""

import re
import time

import pytest

import net
import scripted
import vm
from networks import BOARDS, MIB, by_turns, content, modern, network  # noqa: F401 (a fixture)

@pytest.mark.parametrize("name", ["qemu_arm64", "qemu-x86_64"])
def test_http_as_servers_do_it(name, network):  # noqa: F811
    """Redirects, to another host and relative; chunks; no file at all; an empty one."""
    data = network.file("file")
    network.file("empty", b"")
    network.dnsmasq()
    network.nginx("location /away { return 302 http://alias.test:8080/near; } location /near { return 301 /file; } "
                  "location /chunked { ssi on; ssi_types *; alias ROOT/file; }".replace("ROOT", network.root))
    machine = network.boot(vm.BOARDS[name])
    machine.dhcp()
    text = machine.fetch(f"wget {{a}} http://{net.HOST}/away", data)
    assert text.count("Redirected to ") == 2, text
    machine.fetch(f"wget {{a}} http://{net.HOST}/chunked", data)
    machine.fetch(f"wget {{a}} http://{net.HOST}/empty", b"")
    assert "HTTP status 404 Not Found\n" in machine.fails(f"wget {machine.address:x} http://{net.HOST}/none")
    machine.is_alive()


SMALL = content(5000)
HEAD = b"HTTP/1.1 200 OK\r\n"


def http(*parts):
    def answer(connection, _):
        for part in parts:
            connection.sendall(part)
    return answer


def without_end(connection, _):
    """Chunks until the other side hangs up."""
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + bytes(MIB) + b"\r\n"
    while True:
        connection.sendall(chunk)


def redirect_here(connection, request):
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + request.split()[1].encode() + b"\r\nContent-Length: 0\r\n\r\n")


def redirect_on(connection, request):
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + request.split()[1].encode() + b"x\r\nContent-Length: 0\r\n\r\n")


# What the server does, and the words that must be in the answer.
HTTP = {
    "header-of-1-mib": (http(HEAD, b"X-Long: " + b"a" * MIB + b"\r\n\r\n"), "wget: .*(header|line)"),
    "many-fields": (http(HEAD, b"X: y\r\n" * (MIB // 6) + b"\r\n"), "wget: .*header of more than 65536 bytes"),
    "negative-length": (http(HEAD, b"Content-Length: -1\r\n\r\nabc"), "wget: .*Content-Length"),
    "huge-length": (http(HEAD, b"Content-Length: 99999999999999999999999\r\n\r\nabc"), "wget: .*(Content-Length|the file has)"),
    "length-of-all-bits": (http(HEAD, b"Content-Length: 18446744073709551615\r\n\r\nabc"), "wget: the file has 18446744073709551615 bytes, only"),
    "lengths-that-differ": (http(HEAD, b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), "wget: .*two different Content-Lengths"),
    "larger-than-memory": (http(HEAD, b"Content-Length: 8589934592\r\n\r\nabc"), "wget: the file has 8589934592 bytes, only [0-9]+ are free at 0x"),
    "chunks-without-end": (without_end, "wget: the file is larger than the memory: only [0-9]+ bytes are free at 0x"),
    "chunk-of-all-bits": (http(HEAD, b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc"), "wget: "),
    "chunk-of-no-number": (http(HEAD, b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc"), "wget: "),
    "redirect-to-itself": (redirect_here, "wget: .*redirect loop"),
    "redirects-without-end": (redirect_on, "wget: .*more than 10 redirects"),
    "redirect-to-https": (http(b"HTTP/1.1 302 Found\r\nLocation: https://server.test/\r\nContent-Length: 0\r\n\r\n"), "wget: not supported .*http://"),
    "redirect-to-nothing": (http(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"), "wget: "),
    "shrinks": (http(HEAD, b"Content-Length: 100000\r\n\r\n", SMALL), "Connection lost after 5000 bytes; trying again\n(.|\n)*wget: "),
    "no-http": (http(b"SSH-2.0-OpenSSH_9\r\n\r\n"), "wget: "),
    "binary": (http(content(3000)), "wget: "),
    "nothing": (http(), "wget: "),
    "status-500": (http(b"HTTP/1.1 500 Sorry\x1b[31m\r\nContent-Length: 2\r\n\r\nno"), "wget: HTTP status 500 Sorry"),
}


@pytest.mark.parametrize("board,name", by_turns(HTTP))
def test_http(board, name, network):  # noqa: F811
    answer, words = HTTP[name]
    server = network.start(scripted.Http, answer)
    data = network.file("file")
    network.start(scripted.Http, http(HEAD + b"Content-Length: %d\r\n\r\n" % len(data), data), port=8080)
    machine = network.boot_bound(board)
    started = time.monotonic()
    machine.fails_with(f"wget {machine.address:x} http://{net.HOST}/file", words)
    assert time.monotonic() - started < 60
    assert server.requests
    machine.fetch(f"wget {{a}} http://{net.HOST}:8080/file", data)


@pytest.mark.parametrize("name", BOARDS)
def test_ctrl_c_at_full_speed(name, network):  # noqa: F811
    """A file without end, as fast as it comes, over what was there before: the prompt is back at once."""
    network.start(scripted.Http, without_end)
    machine = network.boot_bound(vm.BOARDS[name], [*modern(), "-m", "1G"])
    console = machine.vm
    console.send(f"wget {machine.address:x} http://{net.HOST}/file\r")
    console.expect(r"Loading: .*[\d.]+ [KM]iB.*/s")
    console.send("\x03")
    text, _ = console.expect(vm.PROMPT_AT_LINE_START, timeout=5 + console.timeout / 6)
    assert console.status() == 1 and "wget: " not in text, text
    machine.is_alive()


BODY = content(70_000)


def in_small_pieces(connection, _):
    for byte in HEAD + b"Content-Length: 70000\r\n\r\n":
        connection.sendall(bytes([byte]))
    for start in range(0, len(BODY), 997):
        connection.sendall(BODY[start:start + 997])


def chunked(connection, _):
    connection.sendall(HEAD + b"transfer-encoding:chunked\r\n\r\n")
    for start in range(0, len(BODY), 7001):
        part = BODY[start:start + 7001]
        connection.sendall(b"%X;name=value\r\n" % len(part) + part + b"\r\n")
    connection.sendall(b"000\r\nX-Trailer: 1\r\n\r\n")


# Unusual, and right.
UNUSUAL = {
    "until-the-end-of-the-connection": http(b"HTTP/1.0 200 OK\r\n\r\n", BODY),
    "in-small-pieces": in_small_pieces,
    "chunks-with-extensions-and-a-trailer": chunked,
    "bare-line-feeds": http(b"HTTP/1.1 200 OK\nContent-Length: 70000\n\n", BODY),
    "continue-first": http(b"HTTP/1.1 100 Continue\r\n\r\n", HEAD, b"CONTENT-LENGTH:\t 70000  \r\n\r\n", BODY),
    "same-length-twice": http(HEAD, b"Content-Length: 70000\r\nContent-Length: 70000\r\n\r\n", BODY),
    "more-than-announced": http(HEAD, b"Content-Length: 70000\r\n\r\n", BODY + b"and more"),
    "no-reason": http(b"HTTP/1.1 200\r\nContent-Length: 70000\r\n\r\n", BODY),
}


@pytest.mark.parametrize("board,name", by_turns(UNUSUAL))
def test_http_unusual(board, name, network):  # noqa: F811
    network.start(scripted.Http, UNUSUAL[name])
    machine = network.boot_bound(board)
    machine.fetch(f"wget {{a}} http://{net.HOST}/file", BODY)


@pytest.mark.parametrize("board", [vm.BOARDS[name] for name in BOARDS], ids=BOARDS)
def test_http_that_can_be_resumed_is(board, network):  # noqa: F811
    """The connection breaks in the middle; the rest comes over a second one, if it is the same file."""
    data = content()

    def answer(connection, request):
        found = re.search(r"(?im)^range: bytes=(\d+)-", request)
        first = int(found[1]) if found else 0
        status = b"HTTP/1.1 206 Partial\r\nContent-Range: bytes %d-%d/%d\r\n" % (first, len(data) - 1, len(data)) if found else HEAD
        connection.sendall(status + b'ETag: "one"\r\nContent-Length: %d\r\n\r\n' % (len(data) - first))
        connection.sendall(data[first:] if found else data[:len(data) // 2])

    server = network.start(scripted.Http, answer)
    machine = network.boot_bound(board)
    text = machine.fetch(f"wget {{a}} http://{net.HOST}/file", data)
    assert re.search(r"(?m)^Connection lost after \d+ bytes; trying again$", text), text
    assert len(server.requests) == 2


def test_a_server_that_stalls_in_the_middle(network):  # noqa: F811
    """A deadline, one more try, then an error."""
    def stalls(connection, _):
        connection.sendall(HEAD + b"Content-Length: 100000\r\n\r\n" + SMALL)
        end = time.monotonic() + 60
        while time.monotonic() < end and not server.is_over():
            time.sleep(0.2)  # stalling is what it is for

    server = network.start(scripted.Http, stalls)
    machine = network.boot_bound(vm.BOARDS["qemu-x86_64"])
    started = time.monotonic()
    text = machine.fails_with(f"wget {machine.address:x} http://{net.HOST}/file", "wget: ", timeout=90)
    assert 8 < time.monotonic() - started < 60
    assert "Connection lost after 5000 bytes; trying again\n" in text, text
    machine.is_alive()


@pytest.mark.parametrize("name", BOARDS)
def test_a_frozen_server_that_comes_back(name, network):  # noqa: F811
    """nginx stops for a few seconds in the middle of a file: slow is not dead."""
    data = network.file("file", content(16 * MIB))
    nginx = network.nginx("location / { limit_rate 4m; }")
    machine = network.boot_bound(vm.BOARDS[name])
    machine.vm.send(f"wget {machine.address:x} http://{net.HOST}/file\r")
    machine.vm.expect("Loading: ")
    nginx.freeze()
    machine.vm.wait_processor_idle(3)
    nginx.thaw()
    text, _ = machine.vm.expect(vm.PROMPT_AT_LINE_START)
    assert f"Bytes transferred = {len(data)}" in text, text
    assert machine.memory(machine.address, len(data)) == data


@pytest.mark.parametrize("name", BOARDS)
def test_ctrl_c_in_the_middle(name, network):  # noqa: F811
    """Of a slow download: the prompt is back at once, with progress drawn until then, and the server has heard of it."""
    network.file("file", content(20 * MIB))
    data = network.file("next")  # block by block: what is small enough for a busy host
    network.dnsmasq()
    network.nginx("location /file { limit_rate 2m; }")
    machine = network.boot_bound(vm.BOARDS[name])
    machine.vm.send(f"wget {machine.address:x} http://{net.HOST}/file\r")
    machine.vm.expect(r"Loading: .*[\d.]+ MiB.*\r.*Loading: .*[\d.]+ MiB.*/s")
    machine.vm.send("\x03")
    machine.vm.expect(vm.PROMPT_AT_LINE_START, timeout=5 + machine.vm.timeout / 6)
    assert machine.vm.status() == 1
    assert " ESTAB " not in network.namespace.run("ss", "-Htn", "state", "established"), "the connection is still there"
    machine.fetch(f"tftpboot {{a}} {net.HOST}:next", data)


@pytest.mark.parametrize("name", ["qemu_arm", "qemu-riscv64", "qemu-x86"])
def test_memory_in_use_is_no_place_for_a_download(name, network):  # noqa: F811
    """Refused in one line that names who uses it, and where only the first part is free, in one that says how much."""
    network.file("file")
    network.dnsmasq()
    network.nginx()
    machine = network.boot_bound(vm.BOARDS[name])
    start, end, owner = re.search(r"(?m)^reserved +\d+ = 0x([0-9a-f]+)\.\.0x([0-9a-f]+) (Vireo heap)$", machine.command("bdinfo")).groups()
    for line in ("wget {} http://{}/file", "tftpboot {} {}:file"):
        text = machine.fails(line.format(end, net.HOST))
        assert owner in text and "Loading" not in text, text
        text = machine.fails(line.format("fffffffff000", net.HOST))
        assert "Loading" not in text, text
        below = f"{int(start, 16) - 0x8000:x}"
        assert "bytes, only 32768 are free at 0x" in machine.fails(line.format(below, net.HOST))
    # Up to the last byte of free memory, and not one more.
    for size in (32768, 32769):
        data = network.file("file", content(size))
        for line in ("wget {} http://{}/file", "tftpboot {} {}:file"):
            if size > 32768:
                assert "the file has 32769 bytes, only 32768 are free at 0x" in machine.fails(line.format(below, net.HOST))
                continue
            machine.succeeds(line.format(below, net.HOST))
            assert machine.memory(int(below, 16), size) == data
            machine.succeeds(f"mw.b {below} 0 {size:x}")
    machine.is_alive()
