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
    "folded-lines": http(HEAD + b"X-A: b\r\n\tc: d\r\nX-B: e\r\n    f\r\nContent-Length:\r\n 70000\r\n\r\n", BODY),
    "no-reason": http(b"HTTP/1.1 200\r\nContent-Length: 70000\r\n\r\n", BODY),
}


@pytest.mark.parametrize("board,name", by_turns(UNUSUAL))
def test_http_unusual(board, name, network):  # noqa: F811
    network.start(scripted.Http, UNUSUAL[name])
    machine = network.boot_bound(board)
    machine.fetch(f"wget {{a}} http://{net.HOST}/file", BODY)


def in_two_versions(first=b"", second=b"", status=b"206 Partial Content"):
    """A file that changes while it is fetched: half of one version, then the rest of another one, whatever was asked."""
    old, new = content(70_000, 2), content(70_000, 3)

    def answer(connection, request):
        if connection_number(request) == 0:
            connection.sendall(HEAD + first + b"Content-Length: 70000\r\n\r\n" + old[:35_000])
        elif "\r\nRange:" in request:
            connection.sendall(b"HTTP/1.1 " + status + b"\r\n" + second + b"Content-Range: bytes 35000-69999/70000\r\n\r\n" + new[35_000:])
        else:
            connection.sendall(HEAD + b"Content-Length: 70000\r\n\r\n" + new)
    seen = []

    def connection_number(request):
        seen.append(request)
        return len(seen) - 1
    return answer, new


TAG = b'ETag: "v1"\r\n'
DATE = b"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nDate: Sun, 06 Nov 1994 09:49:37 GMT\r\n"
VERSIONS = {
    "no-validators": (),
    "another-tag": (TAG, b'ETag: "v2"\r\n'),
    "no-tag-any-more": (TAG,),
    "weak-tags": (b'ETag: W/"v1"\r\n', b'ETag: W/"v1"\r\n'),
    "another-date": (DATE, DATE.replace(b"49:37", b"49:38")),
    "a-date-of-now": (DATE.replace(b"09:", b"08:"), DATE),
    "another-encoding": (TAG, TAG + b"Content-Encoding: gzip\r\n"),
    "several-parts": (TAG, TAG + b"Content-Type: multipart/byteranges; boundary=x\r\n"),
    "rest-refused": (TAG, TAG + b"Content-Length: 0\r\n", b"416 Range Not Satisfiable"),
    "condition-failed": (TAG, TAG + b"Content-Length: 0\r\n", b"412 Precondition Failed"),
}


@pytest.mark.parametrize("board,name", by_turns(VERSIONS))
def test_two_versions_are_never_joined(board, name, network):  # noqa: F811
    answer, new = in_two_versions(*VERSIONS[name])
    network.start(scripted.Http, answer)
    machine = network.boot_bound(board)
    machine.fetch(f"wget {{a}} http://{net.HOST}/file", new)


def trickles(head, piece, interval=9):
    def answer(connection, _):
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(interval)  # that slow is what it is
    return answer


@pytest.mark.parametrize("name,answer", [("qemu_arm64", trickles(HEAD + b"Content-Length: 70000\r\n\r\n", b"x")),
                                         ("qemu-x86", trickles(HEAD + b"Content-Length: 7000000\r\n\r\n" + bytes(100_000), b"x" * 500, 1))],
                         ids=["from-the-start", "after-much-at-once"])
def test_a_server_that_trickles_is_given_up(name, answer, network):  # noqa: F811
    network.start(scripted.Http, answer)
    machine = network.boot_bound(vm.BOARDS[name])
    started = time.monotonic()
    machine.fails_with(f"wget {machine.address:x} http://{net.HOST}/file",
                       "wget: the server is too slow: [0-9]+ bytes a second came, 1024 are the least", timeout=120)
    assert 25 < time.monotonic() - started < 100
    machine.is_alive()


def test_dot_segments_in_a_redirect(network):  # noqa: F811
    data = network.file("sub/f")
    network.nginx('location /start { add_header Location "../sub/f" always; return 302; } '
                  'location /far { add_header Location "/x/./y/../../sub/./g/../f?../q" always; return 302; }')
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    machine.fetch(f"wget {{a}} http://{net.HOST}/start", data)
    machine.fetch(f"wget {{a}} http://{net.HOST}/far", data)
    machine.fetch(f"wget {{a}} http://{net.HOST}/x/../sub/./f", data)


def test_a_long_location(network):  # noqa: F811
    """A session's token of 2,000 bytes."""
    token = "t" * 2000

    def answer(connection, request):
        if token in request.split()[1]:
            connection.sendall(HEAD + b"Content-Length: 5000\r\n\r\n" + SMALL)
        else:
            connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: /file?session={token}\r\nContent-Length: 0\r\n\r\n".encode())

    network.start(scripted.Http, answer)
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    machine.fetch(f"wget {{a}} http://{net.HOST}/file", SMALL)


def test_content_that_is_encoded(network):  # noqa: F811
    network.start(scripted.Http, http(HEAD, b"Content-Encoding: gzip\r\nContent-Length: 5000\r\n\r\n", SMALL))
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    text = machine.fetch(f"wget {{a}} http://{net.HOST}/file", SMALL)
    assert text.endswith("\nThe server sent it encoded ('gzip'); it is stored as it came\n"), text


@pytest.mark.parametrize("name", BOARDS)
def test_a_url_as_boot_file(name, network):  # noqa: F811
    """As DHCP's answer, and typed: by HTTP and by TFTP, wherever $serverip is."""
    data = network.file("b.img")
    network.dnsmasq(boot=f"http://{net.HOST}/b.img")
    network.nginx()
    machine = network.boot(vm.BOARDS[name])
    machine.succeeds("setenv autoload; setenv loadaddr %x" % machine.address)
    machine.fetch("dhcp", data)
    machine.succeeds("setenv serverip 192.168.77.99")
    machine.fetch("tftpboot", data)
    machine.fetch(f"tftpboot {{a}} tftp://{net.HOST}/b.img", data)
    assert machine.fails("tftpboot https://server.test/x") == "wget: not supported (only http:// URLs can be fetched)\n"


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
