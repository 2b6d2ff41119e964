# SPDX-License-Identifier: Apache-2.0
"""What Vireo sends, seen from outside with tcpdump: options of TFTP and DHCP, checksums, and nothing that nobody asked for."""

import re

import pytest

import net
import peers
import vm
from networks import content, modern, network  # noqa: F401 (a fixture)


def commands(network, machine, data):  # noqa: F811
    machine.dhcp()
    machine.succeeds(f"ping {net.HOST}")
    machine.succeeds(f"ping6 {net.HOST6}")
    machine.succeeds("dns four.test")
    machine.fetch(f"tftpboot {{a}} {net.HOST}:file", data)
    machine.fetch(f"wget {{a}} http://{net.HOST}/file", data)
    machine.fetch(f"wget {{a}} http://[{net.HOST6}]/file", data)
    machine.succeeds(f"tftpput {machine.address:x} {len(data):x} {net.HOST}:back")


@pytest.mark.parametrize("name", ["qemu_arm", "qemu-riscv64", "qemu-x86"])
def test_every_checksum_is_right(name, network):  # noqa: F811
    """A back end without offloads: the card computes nothing, so all sums are Vireo's."""
    data = network.file("file", content(100_001))
    network.dnsmasq(root=None, ra=True)
    network.atftpd()
    network.nginx()
    record = f"{network.folder}/sent.pcap"
    cable = network.relay(record=record)
    machine = network.boot(vm.BOARDS[name], modern(), back_end=cable.arguments)
    commands(network, machine, data)
    text = peers.decode(record)
    for kind in ("udp sum ok", "icmp6 sum ok"):
        assert kind in text, kind
    assert re.search(r"Flags \[S\].*cksum 0x[0-9a-f]{4} \(correct\)", text)
    for bad in ("bad udp cksum", "bad cksum", "incorrect", "bad icmp", "wrong icmp", "truncated", "bad-", "malformed", "invalid"):
        assert bad not in text, next(line for line in text.splitlines() if bad in line)


@pytest.mark.parametrize("name", ["qemu_arm64", "qemu-x86_64"])
def test_options_on_the_wire(name, network):  # noqa: F811
    """TFTP asks for blksize (what fits the MTU), windowsize and tsize; DHCP for what is used; TCP for a scaled window."""
    data = network.file("file", content(100_001))
    network.dnsmasq(root=None)
    network.atftpd()
    network.nginx()
    capture = network.capture()
    machine = network.boot(vm.BOARDS[name])
    machine.dhcp()
    machine.fetch(f"tftpboot {{a}} {net.HOST}:file", data)
    machine.succeeds("setenv tftpblocksize 1000; setenv tftpwindowsize 7")
    machine.fetch(f"tftpboot {{a}} {net.HOST}:file", data)
    machine.fetch(f"wget {{a}} http://{net.HOST}/file", data)
    text = capture.text("udp and not port 67", "tftp")
    requests = re.findall(r'RRQ "file" octet (.*)', text)
    assert len(requests) == 2, text[:3000]
    first = requests[0].split()
    assert first[first.index("blksize") + 1] == "1468" and first[first.index("tsize") + 1] == "0" and "windowsize" in first, first
    second = requests[1].split()
    assert second[second.index("blksize") + 1] == "1000" and second[second.index("windowsize") + 1] == "7", second
    agreed = re.findall(r"OACK (.*)", text)
    assert f"tsize {len(data)}" in agreed[0] and "blksize 1468" in agreed[0], agreed
    assert "blksize 1000" in agreed[1] and "windowsize 7" in agreed[1], agreed
    # 101 blocks of 1000 bytes, 7 for each ACK, and one ACK for the options.
    acks = re.findall(r"ACK block (\d+)", text.split(requests[1])[1].replace("OACK", ""))
    assert [int(number) for number in acks[:3]] == [0, 7, 14] and acks[-1] == "101" and len(acks) <= 1 + 101 / 7 + 6, acks
    text = capture.text()
    discover = text.split("DHCP-Message (53), length 1: Discover")[1].split("BOOTP/DHCP")[0]
    for option in ("Subnet-Mask (1)", "Default-Gateway (3)", "Domain-Name-Server (6)"):
        assert option in discover, discover
    syn = next(line for line in text.splitlines() if "Flags [S]," in line)
    assert "wscale" in syn and "mss 1460" in syn, syn


def test_a_quiet_prompt_sends_nothing(network):  # noqa: F811
    """Frames that arrive at the prompt are not answered: no command has the card open."""
    network.dnsmasq(ra=True)
    machine = network.boot(vm.BOARDS["qemu_arm64"])
    machine.dhcp()
    capture = network.capture()
    network.namespace.run("sh", "-c", f"ping -c 3 -i 0.2 -W 1 {machine.command('echo $ipaddr').strip()} || true")
    machine.command("echo still here")
    assert "52:54:00:12:34:56 >" not in capture.text()
