# SPDX-License-Identifier: Apache-2.0
"""DNS and DHCP servers that lie: nothing of it is believed, the command ends, the next one works."""

import re
import struct

import pytest

import net
import scripted
import vm
from networks import by_turns, network  # noqa: F401 (a fixture)

QUESTION_END = 12


def answer(query, records=b"", count=1, flags=0x8180, question=None):
    """A DNS message that answers a query."""
    question = query[QUESTION_END:] if question is None else question
    return query[:2] + struct.pack(">HHHHH", flags, 1, count, 0, 0) + question + records


def record(name=b"\xc0\x0c", kind=1, data=b"\x01\x02\x03\x04", length=None):
    return name + struct.pack(">HHIH", kind, 1, 60, len(data) if length is None else length) + data


# What the server answers to a query; none of it holds an address for it.
DNS = {
    "name-that-points-at-itself": lambda query: [answer(query, record(name=b"\xc0" + bytes([len(query)])))],
    "names-that-point-at-each-other": lambda query: [answer(query, b"\xc0" + bytes([len(query) + 2]) + b"\xc0" + bytes([len(query)]))],
    "question-that-points-at-itself": lambda query: [answer(query, record(), question=b"\xc0\x0c" + query[-4:])],
    "alias-of-itself": lambda query: [answer(query, record(kind=5, data=b"\xc0\x0c"))],
    "alias-that-points-beyond-the-end": lambda query: [answer(query, record(kind=5, data=b"\xff\xff"))],
    "label-beyond-the-end": lambda query: [answer(query, b"\x3f" + b"a" * 5)],
    "data-beyond-the-end": lambda query: [answer(query, record(length=60000))],
    "address-of-two-bytes": lambda query: [answer(query, record(data=b"\x01\x02"))],
    "65535-records": lambda query: [answer(query, count=65535)],
    "nothing-but-an-id": lambda query: [query[:2]],
    "another-id": lambda query: [bytes([query[0] ^ 0xFF]) + answer(query, record())[1:]],
    "the-question": lambda query: [query],
    "name-error": lambda query: [answer(query, count=0, flags=0x8183)],
    "server-failure": lambda query: [answer(query, count=0, flags=0x8182)],
}

# Bent, but the answer to our question: it may be taken.
HARMLESS = ("name-that-points-at-itself",)


@pytest.mark.parametrize("board,name", by_turns(DNS))
def test_dns(board, name, network):  # noqa: F811
    seen = []

    def play(query, _):
        seen.append(query)
        return DNS[name](query)

    network.start(scripted.Datagrams, play, 53)
    machine = network.boot_bound(board)
    if name in HARMLESS:
        text = machine.command("dns some.test", timeout=90)
        assert text in ("1.2.3.4\n", "DNS: host not found\n"), text
        machine.is_alive()
        return
    text = machine.fails("dns some.test", timeout=90)
    assert seen
    assert text.startswith("DNS: ") and "1.2.3.4" not in text, text
    machine.is_alive()


def dhcp(request, kind, options=b"", yours="192.168.77.60", **fields):
    """A DHCP answer: a fixed part, then options."""
    def address(text):
        return bytes(int(part) for part in text.split("."))

    head = struct.pack(">BBBB", 2, 1, fields.get("hardware", 6), 0) + fields.get("xid", request[4:8]) + bytes(8) + address(yours)
    head += address(fields.get("siaddr", net.HOST)) + bytes(4) + request[28:44] + fields.get("sname", b"").ljust(64, b"\0") + fields.get("file", b"").ljust(128, b"\0")
    return head + fields.get("cookie", b"\x63\x82\x53\x63") + bytes([53, 1, kind]) + options


SERVER = b"\x36\x04" + bytes([192, 168, 77, 1]) + b"\x33\x04\x00\x00\x0e\x10\x01\x04\xff\xff\xff\x00"
OTHER_SERVER = b"\x36\x04" + bytes([192, 168, 77, 2]) + SERVER[6:]
OFFER, ACK, NAK = 2, 5, 6

# What the server sends first, before it answers as it should.
DHCP = {
    "another-transaction": lambda request, kind: [dhcp(request, kind, SERVER + b"\xff", "192.168.77.66", xid=b"\1\2\3\4")],
    "no-cookie": lambda request, kind: [dhcp(request, kind, SERVER + b"\xff", "192.168.77.66", cookie=bytes(4))],
    "no-end": lambda request, kind: [dhcp(request, kind, SERVER)],
    "who-answers-is-not-said": lambda request, kind: [dhcp(request, kind, SERVER[6:] + b"\xff", "192.168.77.66")] if kind == ACK else [],
    "who-answers-stands-elsewhere": lambda request, kind: [dhcp(request, kind, SERVER[6:] + b"\x34\x01\x01\xff", "192.168.77.66", file=OTHER_SERVER[:6] + b"\xff")]
    if kind == ACK else [],
    "option-beyond-the-end": lambda request, kind: [dhcp(request, kind, SERVER + b"\x03\xff\x01\x02")],
    "option-without-length": lambda request, kind: [dhcp(request, kind, SERVER + b"\x03")],
    "options-of-length-zero": lambda request, kind: [dhcp(request, kind, b"\x36\x00\x33\x00\x01\x00\x03\x00\x06\x00\xff")],
    "mask-of-one-byte": lambda request, kind: [dhcp(request, kind, b"\x36\x04\xc0\xa8\x4d\x01\x01\x01\xff\xff")],
    "overload-of-everything": lambda request, kind: [dhcp(request, kind, SERVER + b"\x34\x01\x03\xff", file=b"\x34\x01\x03" * 42, sname=b"\x34\x01\x03" * 21)],
    "cut-short": lambda request, kind: [dhcp(request, kind, SERVER)[:100], dhcp(request, kind, SERVER)[:236], b"", b"\2"],
    "refusal": lambda request, kind: [dhcp(request, NAK, SERVER + b"\xff")],
    "refusal-by-another-server": lambda request, kind: [dhcp(request, NAK, OTHER_SERVER + b"\xff")] if kind == ACK else [],
    "acknowledgement-by-another-server": lambda request, kind: [dhcp(request, ACK, OTHER_SERVER + b"\xff", "192.168.77.66")] if kind == ACK else [],
    "address-of-nobody": lambda request, kind: [dhcp(request, kind, SERVER + b"\xff", "0.0.0.0")],
    "address-of-everybody": lambda request, kind: [dhcp(request, kind, SERVER + b"\xff", "255.255.255.255")],
    "address-of-a-group": lambda request, kind: [dhcp(request, kind, SERVER + b"\xff", "224.0.0.1")],
    "eight-bit-escapes": lambda request, kind: [dhcp(request, kind, SERVER + b"\x0c\x04\x9b2Jx\xff", "192.168.77.66", file=b"a\xc2\x9b31m")],
    "names-that-are-commands": lambda request, kind: [dhcp(request, kind, SERVER + b"\x0c\x0f&&setenv yes 2;\xff", "192.168.77.66", file=b"x; setenv yes 1; #'\"$a")],
    "a-name-with-escapes": lambda request, kind: [dhcp(request, kind, SERVER + b"\x0c\x08\x1b[2J\r\n;x\xff", "192.168.77.66", file=b"a;\x1b[31m$x")],
}


@pytest.mark.parametrize("board,name", by_turns(DHCP))
def test_dhcp(board, name, network):  # noqa: F811
    """The first answers are bad; what comes after them is what counts. An answer that is merely odd may be taken."""
    kinds = {1: OFFER, 3: ACK}
    turns = []

    def play(request, _):
        if len(request) < 244 or request[236:240] != b"\x63\x82\x53\x63":
            return []
        kind = kinds[request[242]]
        turns.append(kind)
        good = dhcp(request, kind, SERVER + b"\xff")
        return [*DHCP[name](request, kind), good] if len(turns) <= 2 else [good]

    network.start(scripted.Datagrams, play, 67, address="0.0.0.0", broadcast=68)
    machine = network.boot(board)
    text = machine.command("dhcp", timeout=120)
    assert "\x1b" not in text, repr(text)
    if machine.vm.status() == 0:
        bound = "66" if "name" in name or "escapes" in name else "60"
        assert re.search(rf"(?m)^DHCP client bound to address 192\.168\.77\.{bound} \(", text), text
    else:
        assert "DHCP failed: " in text, text
    variables = machine.command("printenv")
    assert "\x1b" not in variables and "\x9b" not in variables, repr(variables)
    if name == "names-that-are-commands":
        assert machine.command("echo $bootfile $hostname") == "x; setenv yes 1; #'\"$a &&setenv yes 2;\n"
        assert "not defined" in machine.command("printenv yes")
    else:
        assert "bootfile" not in variables, variables
    machine.command("dhcp", timeout=120)
    machine.is_alive()


def test_dhcp_that_is_refused_for_ever(network):  # noqa: F811
    """An offer, and no to whoever takes it, as fast as it is asked for: four times, not for as long as a command may take."""
    seen = []

    def play(request, _):
        seen.append(request)
        return [dhcp(request, OFFER, SERVER + b"\xff") if request[242] == 1 else dhcp(request, NAK, SERVER + b"\xff", "0.0.0.0")]

    network.start(scripted.Datagrams, play, 67, address="0.0.0.0", broadcast=68)
    machine = network.boot(vm.BOARDS["qemu_arm64"])
    machine.fails_with("dhcp", r"DHCP failed: not ready \(the server refuses what it offers\)$")
    assert len(seen) < 20
    machine.command("setenv ipaddr 192.168.77.40; setenv netmask 255.255.255.0")
    machine.is_alive()
