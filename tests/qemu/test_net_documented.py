# SPDX-License-Identifier: Apache-2.0
"""The documented command lines with their `-netdev tap,ifname=tap0`, word for word, and with `-netdev user`: a user's first commands."""

import re
import shlex

import pytest

import net
import qmp
import vm
from conftest import build_folder
from networks import USER_HOST, Machine, content, network, nic  # noqa: F401 (a fixture)
from test_documented import LINES, MIXED, check_documented_commands, folder  # noqa: F401


def start(network, board, line, folder):  # noqa: F811
    """The line as printed, in the folder that holds its images; QEMU's own script brings the tap up."""
    monitor = network.start(lambda _: qmp.Monitor())
    words = shlex.split(line.replace("file=", f"file={folder}/"))
    assert "tap,ifname=tap0,id=net0" in words
    console = network.machines.start(network.namespace.command(board.command(build_folder(board), [*words, *monitor.arguments])))
    console.banner = console.boot()
    return Machine(console, monitor, board, str(folder))


def check_network_commands(network, machine):  # noqa: F811
    data = network.file("file")
    machine.dhcp()
    assert f"host {net.HOST} is alive\n" in machine.succeeds(f"ping {net.HOST}")
    machine.fetch("tftpboot {a} file", data)
    machine.fetch(f"wget {{a}} http://{net.HOST}/file", data)


@pytest.mark.parametrize("name,arguments", LINES)
def test_documented_line(name, arguments, folder, network):  # noqa: F811
    network.dnsmasq()
    network.nginx()
    machine = start(network, vm.BOARDS[name], arguments, folder)
    check_documented_commands(machine.vm)
    check_network_commands(network, machine)


@pytest.mark.parametrize("name", [name for name in vm.BOARDS if vm.BOARDS[name].has_mmio])
def test_documented_mixed_line(name, folder, network):  # noqa: F811
    network.dnsmasq()
    network.nginx()
    machine = start(network, vm.BOARDS[name], MIXED, folder)
    check_documented_commands(machine.vm, disks=((0, 64), (1, 32)))
    check_network_commands(network, machine)


@pytest.mark.parametrize("transport", ["pci", "mmio"])
def test_user_network(board, transport, network):  # noqa: F811
    """QEMU's own network: what most people type first. Texts as U-Boot prints them."""
    if transport == "mmio" and not board.has_mmio:
        pytest.skip("no MMIO on this machine")
    data = network.file("data.bin", content(300123))
    network.nginx()
    machine = network.boot(board, net.nic(transport=transport), back_end=net.user(more=f",tftp={network.root},bootfile=data.bin"))
    assert re.fullmatch(r"BOOTP broadcast 1\nDHCP client bound to address 10\.0\.2\.15 \(\d+ ms\)\n", machine.succeeds("dhcp"))
    assert machine.command("printenv ipaddr netmask gatewayip dnsip serverip bootfile") == \
        "ipaddr=10.0.2.15\nnetmask=255.255.255.0\ngatewayip=10.0.2.2\ndnsip=10.0.2.3\nserverip=10.0.2.2\nbootfile=data.bin\n"
    assert re.fullmatch(rf"Using virtio-net#\d+ device\nhost {USER_HOST} is alive\n", machine.succeeds(f"ping {USER_HOST}"))
    text = machine.fetch("tftpboot {a} data.bin", data)
    expected = (r"Using virtio-net#\d+ device\nTFTP from server 10\.0\.2\.2; our IP address is 10\.0\.2\.15\nFilename 'data\.bin'\.\n"
                rf"Load address: 0x{machine.address:x}\nLoading: .*\n\t [\d.]+ [KMG]iB/s\ndone\nBytes transferred = 300123 \(4945b hex\)\n")
    assert re.fullmatch(expected, text.replace("\r", "")), text
    text = machine.fails_with(f"tftpboot {machine.address:x} nope", "TFTP error: ")
    assert text.endswith("Not retrying...\n"), text
    machine.fetch(f"wget {{a}} http://{USER_HOST}/data.bin", data)
    machine.fetch(f"wget {{a}} {USER_HOST}:/data.bin", data)
    machine.succeeds("setenv autoload; setenv loadaddr %x" % machine.address)
    machine.fetch("dhcp", data)
