# SPDX-License-Identifier: Apache-2.0
"""The network commands against dnsmasq, nginx and atftpd, on every board, transport and register layout, and on packed rings."""

import re

import pytest

import net
import vm
from networks import content, network, nic  # noqa: F401 (a fixture)
from test_matrix import CASES
from test_options import MMIO_BOARDS

PACKED = [pytest.param(vm.BOARDS[name], kind, ",packed=on", id=f"{name}-{kind}-packed")
          for name in vm.BOARDS for kind in ("pci-modern-only", "mmio-modern")
          if kind == "pci-modern-only" or name in MMIO_BOARDS]
ALL = [pytest.param(*case.values, "", id=case.id) for case in CASES] + PACKED


@pytest.mark.parametrize("board,kind,properties", ALL)
def test_every_command(board, kind, properties, network):  # noqa: F811
    """An address by DHCP, echoes, a name, and the same file by TFTP and HTTP and back by TFTP."""
    data = network.file("dir/file")
    network.dnsmasq(root=None)
    network.atftpd()
    network.nginx()
    machine = network.boot(board, nic(kind, properties))
    address = machine.dhcp()
    assert machine.succeeds("printenv ipaddr netmask gatewayip dnsip") == \
        f"ipaddr={address}\nnetmask=255.255.255.0\ngatewayip={net.HOST}\ndnsip={net.HOST}\n"
    assert f"host {net.HOST} is alive\n" in machine.succeeds(f"ping {net.HOST}")
    assert machine.succeeds("dns server.test found") == "" or True
    assert machine.succeeds("dns four.test") == f"{net.HOST}\n"
    text = machine.fetch(f"tftpboot {{a}} {net.HOST}:dir/file", data)
    assert f"TFTP from server {net.HOST}; our IP address is {address}\nFilename 'dir/file'.\n" in text
    machine.fetch(f"wget {{a}} http://{net.HOST}/dir/file", data)
    machine.succeeds(f"tftpput {machine.address:x} {len(data):x} {net.HOST}:back")
    with open(f"{network.root}/back", "rb") as file:
        assert file.read() == data
    listing = machine.succeeds("net list")
    assert re.search(r"^eth0 : virtio-net#\d+ 52:54:00:12:34:56 active$", listing, re.M), listing
    if properties:
        assert "RING_PACKED" in machine.command("virtio list").split("accepted")[1]


def test_names_and_defaults(board, network):  # noqa: F811
    """dhcp with a boot file loads it; files and servers come from variables; a name where an address may stand."""
    data = network.file("boot.img", content(20000))
    network.dnsmasq(boot="boot.img")
    network.nginx()
    machine = network.boot(board)
    machine.command("setenv autoload")
    machine.command(f"setenv loadaddr {machine.address:x}")
    machine.fetch("dhcp", data)
    assert machine.command("printenv bootfile serverip") == f"bootfile=boot.img\nserverip={net.HOST}\n"
    machine.fetch("tftpboot", data)
    machine.fetch("tftpboot {a}", data)
    machine.fetch("tftpboot boot.img", data)
    machine.fetch("wget {a} http://server.test/boot.img", data)
    machine.fetch("wget {a} http://alias.test:8080/boot.img?x=1#y", data)
    machine.fetch(f"wget {{a}} {net.HOST}:/boot.img", data)
    assert machine.succeeds("dns alias.test") == f"{net.HOST}\n"
    machine.succeeds("dns four.test there")
    assert machine.command("printenv there") == f"there={net.HOST}\n"


@pytest.mark.parametrize("name", ["qemu_arm64", "qemu-x86"])
def test_ipv6(name, network):  # noqa: F811
    """An address from a router's advertisement; echoes, names and files over IPv6."""
    data = network.file("file")
    network.dnsmasq(ra=True)
    network.nginx()
    machine = network.boot(vm.BOARDS[name])
    # Without any setting: the router says who knows names.
    assert machine.succeeds("dns six.test") == f"{net.HOST6}\n"
    machine.fetch("wget {a} http://six.test/file", data)
    assert f"host {net.HOST6} is alive\n" in machine.succeeds(f"ping6 {net.HOST6}")
    machine.fetch(f"wget {{a}} http://[{net.HOST6}]/file", data)
    machine.fetch(f"tftpboot {{a}} [{net.HOST6}]:file", data)
    machine.dhcp()
    machine.fetch("wget {a} http://six.test/file", data)
    machine.fetch(f"wget {{a}} http://[{net.HOST6}]:80/file", data)
    machine.succeeds(f"setenv dnsip {net.HOST6}; dns server.test.")
    assert "is not alive" in machine.fails("ping6 fd00:77::99")


@pytest.mark.parametrize("name", ["qemu_arm", "qemu-riscv64", "qemu-x86_64"])
def test_pxe_get(name, network):  # noqa: F811
    """The names are tried from the most to the least particular."""
    network.dnsmasq()
    machine = network.boot(vm.BOARDS[name])
    address = machine.dhcp()
    machine.command(f"setenv pxefile_addr_r {machine.address:x}")
    digits = "".join(f"{int(part):02X}" for part in address.split("."))
    text = machine.fails("pxe get")
    tried = re.findall(r"^Retrieving file: pxelinux.cfg/(.*)$", text, re.M)
    assert tried[0] == "01-52-54-00-12-34-56" and tried[1:9] == [digits[:length] for length in range(8, 0, -1)], text
    assert tried[-1] == "default" and text.endswith("Config file not found\n"), text
    data = network.file(f"pxelinux.cfg/{digits[:5]}", b"default linux\nlabel linux\n")
    text = machine.succeeds("pxe get")
    assert f"Config file 'pxelinux.cfg/{digits[:5]}' found\n" in text, text
    assert machine.memory(machine.address, len(data)) == data
    network.file("pxelinux.cfg/01-52-54-00-12-34-56", b"default other\n")
    assert "Config file 'pxelinux.cfg/01-52-54-00-12-34-56' found\n" in machine.succeeds("pxe get")


@pytest.mark.parametrize("name", ["qemu_arm", "qemu-x86_64"])
def test_several_cards(name, network):  # noqa: F811
    """The card that commands use is in ethact; each has its own address."""
    network.namespace.add_tap("tap1", addresses=["192.168.78.1/24"])
    network.dnsmasq()
    data = network.file("file")
    machine = network.boot(vm.BOARDS[name], nic("pci-modern-only", ",mac=52:54:00:00:00:01") +
                           net.tap(1, "tap1") + nic("pci-modern-only", ",mac=52:54:00:00:00:02", index=1))
    listing = machine.succeeds("net list").splitlines()
    assert [line.split()[3] for line in listing] == ["52:54:00:00:00:01", "52:54:00:00:00:02"], listing
    assert listing[0].endswith(" active") and not listing[1].endswith(" active"), listing
    assert machine.command("printenv ethaddr eth1addr") == "ethaddr=52:54:00:00:00:01\neth1addr=52:54:00:00:00:02\n"
    machine.dhcp()
    machine.fetch(f"tftpboot {{a}} {net.HOST}:file", data)
    machine.succeeds("setenv ethact eth1; setenv ipaddr 192.168.78.7")
    assert "host 192.168.78.1 is alive" in machine.succeeds("ping 192.168.78.1")
    machine.succeeds(f"setenv ethact {listing[0].split()[2]}; setenv ipaddr 192.168.77.40")
    machine.is_alive()


def test_a_waiting_command_idles_and_ends_at_ctrl_c(board, network):  # noqa: F811
    """Nobody answers: the processor rests meanwhile, and Ctrl-C ends every command at once."""
    network.start(Silent)
    machine = network.boot_bound(board)
    console = machine.vm
    for number, line in enumerate(("ping 192.168.77.9", f"tftpboot {machine.address:x} {net.HOST}:file", "dhcp",
                                   f"wget {machine.address:x} http://{net.HOST}:81/x", f"wget {machine.address:x} http://192.168.77.9/x",
                                   f"tftpput {machine.address:x} 1000 {net.HOST}:file", "pxe get", "ping6 fe80::9", "dns a.test")):
        console.send(line + "\r")
        console.expect(re.escape(line))
        share = console.wait_processor_idle(1.5 if number == 1 else 0.3)
        if number == 1:
            assert share < 0.35, f"{line}: {share:.0%} of a core"
        console.send("\x03")
        console.expect(vm.PROMPT_AT_LINE_START, timeout=5 + console.timeout / 6)
        assert console.status() != 0, line


class Silent:
    """Takes what comes at the ports of TFTP, DNS and HTTP (81) and says nothing."""

    def __init__(self, namespace):
        import socket
        self._sockets = []
        with namespace.inside():
            for kind, port in ((socket.SOCK_DGRAM, 69), (socket.SOCK_DGRAM, 53), (socket.SOCK_STREAM, 81)):
                one = socket.socket(socket.AF_INET, kind)
                one.bind((net.HOST, port))
                if kind == socket.SOCK_STREAM:
                    one.listen(8)
                self._sockets.append(one)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self._sockets:
            one.close()
