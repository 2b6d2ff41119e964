# SPDX-License-Identifier: Apache-2.0
"""Frames that no host should send, while commands work; and a flood while the machine is switched off."""

import itertools
import re
import socket

import pytest

import frames
import net
import vm
from networks import MIB, content, modern, network  # noqa: F401 (a fixture)

OURS = "192.168.77.40"
OURS_BYTES = socket.inet_aton(OURS)


@pytest.mark.parametrize("name,properties", [("qemu_arm64", ""), ("qemu-x86", ",mrg_rxbuf=off"), ("qemu-riscv32", ",packed=on"),
                                             ("qemu_arm", ",guest_csum=off,guest_tso4=off,guest_tso6=off")])
def test_bad_frames(name, properties, network):  # noqa: F811
    """Each once, and then changed at random, all the time while files come over the same wire."""
    data = network.file("file", content(4 * MIB))
    network.dnsmasq()
    network.nginx()
    machine = network.boot_bound(vm.BOARDS[name], modern(properties))
    machine.is_alive()
    with frames.Flood(network.namespace, itertools.chain(frames.bad_frames(OURS_BYTES), frames.seeded(OURS_BYTES, seed=name)), 0.0005) as flood:
        machine.fetch(f"wget {{a}} http://{net.HOST}/file", data, timeout=120)
        machine.fetch(f"tftpboot {{a}} {net.HOST}:file", data, timeout=120)
        assert "is alive" in machine.succeeds(f"ping {net.HOST}", timeout=60)
        machine.vm.send("ping 192.168.77.99\r")
        machine.vm.expect(vm.PROMPT_AT_LINE_START, timeout=60 + machine.vm.timeout)
        assert flood.sent > 300
    machine.is_alive()


@pytest.mark.parametrize("size", [1514, 9014, 65000])
def test_frames_longer_than_the_mtu(size, network):  # noqa: F811
    """The host's end has a larger MTU: what is longer than we said is no reason to fall."""
    network.namespace.ip("link", "set", net.TAP, "mtu", "65521")
    machine = network.boot_bound(vm.BOARDS["qemu_arm64"])
    long = frames.ethernet(frames.echo(OURS_BYTES, bytes(size - 42)))
    with frames.Flood(network.namespace, itertools.repeat(long), 0.001) as flood:
        machine.vm.send("ping 192.168.77.99\r")
        machine.vm.expect(vm.PROMPT_AT_LINE_START, timeout=60 + machine.vm.timeout)
        assert flood.sent > 100
    machine.is_alive()


@pytest.mark.parametrize("properties", ["", ",packed=on"], ids=["split", "packed"])
@pytest.mark.parametrize("name", ["qemu_arm64", "qemu_arm", "qemu-x86"])
def test_a_flood_while_the_machine_is_handed_over(name, properties, network):  # noqa: F811
    """Frames arrive all the time. Free memory stays as it is while commands run, and the card has been told to stop, before the
    machine goes."""
    trace = f"{network.folder}/trace"
    machine = network.boot_bound(vm.BOARDS[name], [*modern(properties), "-no-shutdown", "-trace", "enable=virtio_set_status", "-D", trace])
    machine.is_alive()
    size = 8 * MIB
    machine.command(f"mw.b {machine.address:x} 5a {size:x}")
    flood = frames.ethernet(frames.ipv4(frames.udp(b"\xee" * 1400, OURS_BYTES, 1069), OURS_BYTES), target=frames.BROADCAST)
    with frames.Flood(network.namespace, itertools.repeat(flood)) as sender:
        machine.vm.send("ping 192.168.77.99\r")
        machine.vm.expect(vm.PROMPT_AT_LINE_START, timeout=60 + machine.vm.timeout)
        before = sender.sent
        assert before > 1000
        assert machine.memory(machine.address, size) == b"\x5a" * size
        with open(trace, encoding="utf-8") as file:
            so_far = len(file.read())
        machine.vm.send("poweroff\r")
        machine.vm.expect("poweroff \\.\\.\\.")
        while machine.monitor("query-status")["status"] == "running":
            machine.vm.wait_processor_idle(0.05)
        after = machine.memory(machine.address, size)
        assert sender.sent > before
    assert after == b"\x5a" * size
    with open(trace, encoding="utf-8") as file:
        written = re.findall(r"virtio_set_status vdev (\S+) val (\d+)", file.read()[so_far:])
    assert written and written[-1][1] == "0", written
