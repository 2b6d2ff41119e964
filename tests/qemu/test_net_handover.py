# SPDX-License-Identifier: Apache-2.0
"""The machine is handed over by `go` and `reset` while frames arrive as fast as they can: not one byte of memory changes afterwards."""

import hashlib
import itertools
import re
import socket

import pytest

import frames
import net
import vm
from networks import MIB, modern, network, nic  # noqa: F401 (a fixture)

OURS = "192.168.77.40"
RAM, RAM_SIZE = {"arm": 0x40000000, "riscv": 0x80000000, "x86": 0}, 128 * MIB
# A program that is one jump to itself, as the number that mw.l takes.
SPIN = {"qemu_arm": 0xEAFFFFFE, "qemu_arm64": 0x14000000, "qemu-riscv32": 0x6F, "qemu-riscv64": 0x6F, "qemu-x86": 0xFEEB, "qemu-x86_64": 0xFEEB}


def ram(machine):
    """All of the machine's memory, as one number."""
    base = next(base for kind, base in RAM.items() if kind in machine.board.name)
    return hashlib.sha256(machine.memory(base, RAM_SIZE)).hexdigest()


def flood(network):  # noqa: F811
    target = socket.inet_aton(OURS)
    frame = frames.ethernet(frames.ipv4(frames.udp(b"\xee" * 1400, target, 1069), target), target=frames.BROADCAST)
    return frames.Flood(network.namespace, itertools.repeat(frame))


class Trace:
    """What the cards were told about their status."""

    def __init__(self, folder):
        self.path = f"{folder}/trace"
        self.arguments = ["-trace", "enable=virtio_set_status", "-D", self.path]

    def last_words(self):
        """To each card the last one."""
        with open(self.path, encoding="utf-8") as file:
            return dict(re.findall(r"virtio_set_status vdev (\S+) val (\d+)", file.read()))


def is_at(machine, address):
    """Whether the processor is there."""
    registers = machine.monitor("human-monitor-command", **{"command-line": "info registers"})
    return re.search(rf"(?i)\b(PC|R15|EIP|RIP)\s*=?\s*0*{address:x}\b", registers) is not None


def listen(machine, sender):
    """The card is at work: a command listens to the flood for a while."""
    before = sender.sent
    machine.vm.send("ping 192.168.77.99\r")
    machine.vm.expect(vm.PROMPT_AT_LINE_START, timeout=60 + machine.vm.timeout)
    assert sender.sent - before > 1000


@pytest.mark.parametrize("name,kind,properties", [
    ("qemu_arm64", "pci-modern-only", ""), ("qemu_arm64", "mmio-legacy", ""), ("qemu_arm", "mmio-modern", ",packed=on"),
    ("qemu-riscv32", "pci-modern-only", ",packed=on"), ("qemu-riscv64", "pci-transitional", ""), ("qemu-x86", "pci-legacy-only", ""),
    ("qemu-x86_64", "pci-modern-only", "")])
def test_a_program_has_the_memory_for_itself(name, kind, properties, network):  # noqa: F811
    """While it runs, not one byte of the machine's memory changes."""
    trace = Trace(network.folder)
    machine = network.boot_bound(vm.BOARDS[name], [*nic(kind, properties), *trace.arguments])
    machine.is_alive()
    machine.command(f"mw.l {machine.address:x} {SPIN[name]:x}")
    with flood(network) as sender:
        listen(machine, sender)
        machine.vm.send(f"go {machine.address:x}\r")
        machine.vm.expect("Starting application")
        while not is_at(machine, machine.address):
            machine.vm.wait_processor_idle(0.05)
        assert set(trace.last_words().values()) == {"0"}
        before = ram(machine)
        for _ in range(3):
            assert ram(machine) == before


@pytest.mark.parametrize("name,kind,properties", [
    ("qemu_arm64", "pci-modern-only", ",packed=on"), ("qemu_arm", "mmio-legacy", ""), ("qemu-riscv64", "pci-modern-only", ""),
    ("qemu-x86", "pci-transitional", "")])
def test_the_cards_have_stopped_when_the_machine_is_reset(name, kind, properties, network):  # noqa: F811
    """Both of them, used or not. QEMU stops where the machine would start anew: its memory is as it was."""
    network.namespace.add_tap("tap1", addresses=["192.168.78.1/24"])
    trace = Trace(network.folder)
    machine = network.boot_bound(vm.BOARDS[name], [*nic(kind, properties), *net.tap(1, "tap1"),
                                                   *nic(kind, properties + ",mac=52:54:00:12:34:57", index=1),
                                                   "-no-reboot", "-no-shutdown", *trace.arguments])
    # QEMU's Arm machine fills its slots from the top.
    machine.command("setenv ethact " + re.search(r"(eth\d+) : \S+ 52:54:00:12:34:56", machine.command("net list"))[1])
    machine.is_alive()
    size = 8 * MIB
    machine.command(f"mw.b {machine.address:x} 5a {size:x}")
    with flood(network) as sender:
        listen(machine, sender)
        assert "0" not in trace.last_words().values()
        machine.vm.send("reset\r")
        machine.vm.expect("resetting \\.\\.\\.")
        while machine.monitor("query-status")["status"] == "running":
            machine.vm.wait_processor_idle(0.05)
        assert list(trace.last_words().values()) == ["0", "0"]
        assert machine.memory(machine.address, size) == b"\x5a" * size
        before = ram(machine)
        assert ram(machine) == before


@pytest.mark.parametrize("name", ["qemu_arm64", "qemu-x86"])
def test_the_cards_are_back_when_a_program_has_ended(name, network):  # noqa: F811
    """What arrived while it ran is nobody's, and the next command works as the first did."""
    machine = network.boot_bound(vm.BOARDS[name], modern())
    machine.is_alive()
    # mov w0, #0; ret - and xor eax, eax; ret
    machine.command(f"mw.l {machine.address:x} " + {"qemu_arm64": "52800000", "qemu-x86": "c3c031"}[name])
    machine.command(f"mw.l {machine.address + 4:x} d65f03c0")
    for _ in range(3):
        with flood(network) as sender:
            listen(machine, sender)
            assert machine.command(f"go {machine.address:x}").endswith("## Application terminated, rc = 0x0\n")
        machine.is_alive()
