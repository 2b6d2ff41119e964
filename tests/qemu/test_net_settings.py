# SPDX-License-Identifier: Apache-2.0
"""What a network says of itself, beside what the user or DHCP has set: it is heard where nothing is set, and nowhere else."""

import itertools
import re
import socket
import struct

import pytest

import frames
import net
import scripted
import vm
from networks import by_turns, network  # noqa: F401 (a fixture)
from test_net_names import ACK, OFFER, SERVER, answer, dhcp, record

ALL_NODES = socket.inet_pton(socket.AF_INET6, "ff02::1")
GROUP_MAC = b"\x33\x33\0\0\0\1"
NEIGHBOUR = "fe80::77"  # the host's end of the tap
OURS = "192.168.77.40"


def advertisement(options=b"", source=NEIGHBOUR, flags=0):
    """A router's, with its lifetime of half an hour."""
    source = socket.inet_pton(socket.AF_INET6, source)
    body = struct.pack(">BBHBBHII", 134, 0, 0, 64, flags, 1800, 0, 0) + options
    pseudo = source + ALL_NODES + struct.pack(">II", len(body), 58)
    body = body[:2] + struct.pack(">H", frames.checksum(pseudo + body)) + body[4:]
    head = struct.pack(">IHBB", 6 << 28, len(body), 58, 255) + source + ALL_NODES
    return frames.ethernet(head + body, 0x86DD, GROUP_MAC)


def prefix(length=64, flags=0xC0, valid=86400):
    return struct.pack(">BBBBIII", 3, 4, length, flags, valid, min(valid, 14400), 0) + socket.inet_pton(socket.AF_INET6, "fd00:78::")


def servers(*addresses, lifetime=1800):
    return struct.pack(">BBHI", 25, 1 + 2 * len(addresses), 0, lifetime) + b"".join(socket.inet_pton(socket.AF_INET6, each) for each in addresses)


class Wire:
    """Frames onto the tap, as anybody on the network can send them."""

    def __init__(self, namespace):
        with namespace.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self._socket.bind((net.TAP, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, *several):
        for frame in several:
            self._socket.send(frame)


@pytest.mark.parametrize("board", ["qemu_arm64", "qemu-x86"])
@pytest.mark.parametrize("uses_ipv6", [False, True], ids=["ipv4", "ipv6-used"])
def test_a_router_names_no_server_where_one_is_set(board, uses_ipv6, network):  # noqa: F811
    """While the question is out a router announces servers; the answer of the one that was asked comes behind that, and counts."""
    wire = network.start(Wire)
    seen = []

    def play(query, _):
        seen.append(query)
        wire.send(advertisement(servers("fe80::66"), "fe80::66"), advertisement(servers("fe80::66", "fe80::67", lifetime=0xFFFFFFFF)),
                  advertisement(servers("fe80::66", lifetime=0), "fe80::66"))
        return [answer(query, record(data=b"\xc0\0\2\7"))]

    network.start(scripted.Datagrams, play, 53)
    machine = network.boot_bound(vm.BOARDS[board])
    if uses_ipv6:
        machine.succeeds(f"ping6 {NEIGHBOUR}")
    for name in ("files.example", "other.example"):
        assert machine.succeeds(f"dns {name}") == "192.0.2.7\n"
    assert len(seen) == 2
    machine.is_alive()


NONE, MANAGED = "no IPv6 address: the router announces no prefix for one", "no IPv6 address: the router wants DHCPv6, which is not supported"
ROUTERS = {
    "no-prefix": (b"", 0, NONE),
    "dhcpv6": (b"", 0xC0, MANAGED),
    "not-autonomous": (prefix(flags=0x80), 0, NONE),
    "56-bits": (prefix(56), 0x40, NONE),
    "over": (prefix(valid=0), 0, NONE),
    "many-options": (servers("fe80::66") + prefix(65) + prefix(48) + b"\5\1\0\0" + struct.pack(">I", 1280), 0x80, MANAGED),
}


@pytest.mark.parametrize("board,name", by_turns(ROUTERS))
def test_a_router_that_offers_no_address(board, name, network):  # noqa: F811
    """It says so ten times a second. Neighbours are reached; for the rest one line says why not."""
    options, flags, why = ROUTERS[name]
    machine = network.boot_bound(board)
    with frames.Flood(network.namespace, itertools.repeat(advertisement(options, flags=flags)), 0.1):
        for _ in range(2):
            assert f"host {NEIGHBOUR} is alive" in machine.succeeds(f"ping6 {NEIGHBOUR}")
            assert machine.fails(f"ping6 {net.HOST6}") == f"{net.HOST6}: not ready ({why})\n"
    machine.is_alive()


def arp(operation, sender, address, target):
    return struct.pack(">HHBBH", 1, 0x800, 6, 4, operation) + sender + socket.inet_aton(address) + bytes(6) + socket.inet_aton(target)


def test_nobody_takes_the_place_of_a_neighbour(network):  # noqa: F811
    """ARP that nobody asked for, redirects and "unreachable", before the neighbour is known and afterwards."""
    liar = frames.SOURCE
    lies = [frames.ethernet(arp(operation, liar, net.HOST, target), 0x0806, to)
            for operation in (1, 2) for target in (OURS, net.HOST) for to in (frames.MAC, frames.BROADCAST)]
    ours = socket.inet_aton(OURS)
    for kind, codes in ((5, (0, 1)), (3, (0, 1, 3, 4))):
        for code in codes:
            message = struct.pack(">BBHBBBB", kind, code, 0, 192, 168, 77, 66) + frames.echo(ours)[:28]
            message = message[:2] + struct.pack(">H", frames.checksum(message)) + message[4:]
            lies.append(frames.ethernet(frames.ipv4(message, ours, 1)))
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    # Not while a question is out: then the first answer counts, and a liar may be first.
    with frames.Flood(network.namespace, itertools.cycle(lies), 0.001) as flood:
        machine.fails("ping 192.168.77.99")  # listens for five seconds, and asks for somebody else
        assert flood.sent > 2 * len(lies)
    assert "is alive" in machine.succeeds(f"ping {net.HOST}")
    with frames.Flood(network.namespace, itertools.cycle(lies), 0.001) as flood:
        while flood.sent < len(lies):
            assert "is alive" in machine.succeeds(f"ping {net.HOST}")


def test_dhcp_servers_know_what_asks(network):  # noqa: F811
    """A server that serves by the kind of client, as those for U-Boot's users do; and the two variables that change it."""
    network.dnsmasq(more=["--dhcp-match=set:known,option:client-arch,22", "--dhcp-vendorclass=set:known,U-Boot",
                          "--dhcp-match=set:other,option:client-arch,11", "--dhcp-boot=tag:known,known-client.img",
                          "--dhcp-boot=tag:other,other-client.img"])
    machine = network.boot(vm.BOARDS["qemu_arm64"])
    machine.dhcp()
    assert machine.command("printenv bootfile") == "bootfile=known-client.img\n"
    machine.command("setenv bootp_arch b; setenv bootp_vci Nobody")
    machine.dhcp()
    assert machine.command("printenv bootfile") == "bootfile=other-client.img\n"
    machine.command("setenv bootfile; setenv bootp_arch 7; setenv bootp_vci U-Boot.armv8.vireo")
    machine.dhcp()
    assert machine.command("printenv bootfile") == "bootfile=known-client.img\n"


def test_a_boot_file_with_a_long_name(network):  # noqa: F811
    name = "d" * 100 + "/" + "f" * 140
    data = network.file(name, b"content of a file with a long name" * 100)
    network.dnsmasq(more=[f"--dhcp-option-force=67,{name}", f"--dhcp-option-force=17,{'r' * 255}"])
    machine = network.boot(vm.BOARDS["qemu-x86"])
    machine.command("setenv autoload yes; setenv serverip " + net.HOST)
    machine.fetch("dhcp", data)
    assert machine.command("printenv bootfile rootpath") == f"bootfile={name}\nrootpath={'r' * 255}\n"


def test_the_configuration_file_that_dhcp_names(network):  # noqa: F811
    """Option 209 first, beside the boot file, or where option 210 says."""
    network.file("boot/own.cfg", b"own")
    network.file("pxelinux.cfg/default", b"default")
    network.dnsmasq(boot="boot/kernel", more=["--dhcp-option-force=209,own.cfg"])
    machine = network.boot(vm.BOARDS["qemu_arm64"])
    machine.dhcp()
    assert machine.succeeds("pxe get").startswith("Retrieving file: boot/own.cfg\n")
    machine.command("setenv pxepathprefix /")
    text = machine.succeeds("pxe get")
    assert text.startswith("Retrieving file: /own.cfg\n") and text.endswith("Config file '/pxelinux.cfg/default' found\n"), text


def test_a_file_server_that_is_only_named(network):  # noqa: F811
    def play(request, _):
        return [dhcp(request, OFFER if request[242] == 1 else ACK,
                     SERVER + b"\x06\x04" + socket.inet_aton(net.HOST) + bytes([66, len(name)]) + name + b"\xff", siaddr="0.0.0.0")]

    name = b"server.test"
    network.dnsmasq(dhcp=False)
    network.start(scripted.Datagrams, play, 67, address="0.0.0.0", broadcast=68)
    machine = network.boot(vm.BOARDS["qemu_arm64"])
    machine.dhcp()
    assert machine.command("printenv serverip") == f"serverip={net.HOST}\n"
    name = b"unknown.test"
    assert machine.succeeds("setenv serverip; dhcp").endswith("DHCP: $serverip is not set: no address for the server 'unknown.test'\n")
    assert "not defined" in machine.command("printenv serverip")


@pytest.mark.parametrize("offers_again", [True, False], ids=["offers-again", "is-gone"])
def test_a_dhcp_server_that_falls_silent(offers_again, network):  # noqa: F811
    """The first offer is of a server that says no more; a second one is there, and is asked five seconds later."""
    other = b"\x36\x04" + bytes([192, 168, 77, 2])
    discovers = []

    def play(request, _):
        if request[242] == 1:
            discovers.append(request)
            first = [dhcp(request, OFFER, SERVER + b"\xff", "192.168.77.66")] if offers_again or len(discovers) == 1 else []
            return [*first, dhcp(request, OFFER, other + SERVER[6:] + b"\xff")]
        return [dhcp(request, ACK, other + SERVER[6:] + b"\xff")] if other in request else []

    network.start(scripted.Datagrams, play, 67, address="0.0.0.0", broadcast=68)
    machine = network.boot(vm.BOARDS["qemu_arm64"])
    text = machine.succeeds("dhcp")
    found = re.fullmatch(r"BOOTP broadcast 1\nBOOTP broadcast 2\nDHCP client bound to address 192\.168\.77\.60 \((\d+) ms\)\n", text)
    assert found and 4000 < int(found[1]) < 9000, text
    assert len(discovers) == 2
