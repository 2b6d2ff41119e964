# SPDX-License-Identifier: Apache-2.0
"""The way to a kernel's first instruction, counted: instructions translated since reset, and run since the boot command, against their budget
(`kernel_budget.txt`), no byte copied by the processor, requests and doorbells for the files, and all of that the same with 1, 8 and 24 disks."""

import dataclasses
import os
import re

import pytest

import counting
import first_instruction
import images
import kernels
import vm
from test_boot import plugin  # noqa: F401 (a fixture)
from vm import BOARDS

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = images.MIB
COMMAND = {"qemu_arm": "bootz", "qemu-x86": "zboot", "qemu-x86_64": "zboot"}  # and booti
INITRD = images.noise(MIB + 4321, seed=5)
# Arm cleans its caches for each 64 bytes that were loaded; else nothing but requests grows with the files.
MOST_PER_BYTE = {"qemu_arm": 0.045, "qemu_arm64": 0.045}
MOST_PER_BYTE_OTHERS = 0.002
MOST_PER_IDLE_DISK = 12_000  # of a further disk: it is reset before the jump


@dataclasses.dataclass(frozen=True)
class Counts:
    translated: int  # instructions from reset to the kernel
    since_prompt: int  # run since the last prompt; those before, while a disk is waited for, are the host's
    requests: int  # of both files together
    doorbells: int
    from_device: int  # bytes

    def for_files(self):
        return self.requests, self.doorbells, self.from_device


def boot(board, machines, plugin, folder, size, disks=1):  # noqa: F811
    """Boots a kernel of `size` bytes from the first of so many disks. -icount: nothing depends on the host's speed."""
    folder.mkdir(exist_ok=True)
    kernel = first_instruction.build(folder, board, size)
    image = kernels.make_disk(folder / "disk.img", folder / "root", {"/kernel": kernel, "/initrd": INITRD}, 64 * MIB)
    empty = images.blank(folder / "empty.img", MIB)
    arguments = [word for number in range(disks) for word in vm.disk(number, image if number == 0 else empty, drive=",readonly=on")]
    counter = folder / "count"
    machine = machines.boot(board, ["-m", "256M", "-icount", "shift=4", *arguments, *counting.arguments(plugin, counter)])
    machine.command("load virtio 0 $kernel_addr_r kernel")
    machine.command("load virtio 0 $ramdisk_addr_r initrd")
    stats = machine.command("virtio stats 0")
    numbers = {line.split()[0]: [int(number) for number in re.findall(r"\b\d+\b", line)] for line in stats.splitlines()[1:]}
    before = counting.read(counter)
    command = COMMAND.get(board.name, "booti")
    machine.send(f"{command} $kernel_addr_r {'- ' if command == 'zboot' else ''}$ramdisk_addr_r\r")
    said, _ = machine.expect(first_instruction.SAYS.decode())
    assert "Starting kernel" in said and "moved" not in said, said
    return Counts(counting.read_translated(counter), counting.read(counter) - before, numbers["requests"][0], numbers["notifications"][0], numbers["bytes"][1])


def budgets():
    with open(os.path.join(HERE, "kernel_budget.txt"), encoding="ascii") as file:
        lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {board: [int(count.replace(",", "")) for count in counts] for board, *counts in lines}


def test_a_boot_keeps_its_budget(board, machines, tmp_path, plugin):  # noqa: F811
    """Also by a kernel that is 24 MiB larger, which costs its requests, and what cleans the caches for it: a copy would take an instruction for
    16 bytes at best, twice. The disk writes the files once."""
    small = boot(board, machines, plugin, tmp_path / "small", 4 * MIB)
    large = boot(board, machines, plugin, tmp_path / "large", 28 * MIB)
    said = (small.since_prompt, small.translated, small.requests, small.doorbells)
    for count, budget, which in zip(said, budgets()[board.name], ("instructions run", "instructions translated", "requests", "doorbells"), strict=True):
        assert count <= budget, f"{count:,} {which}, the budget in kernel_budget.txt is {budget:,}: {small}, {large}"
        # A budget that is far away would notice nothing.
        assert count >= budget * 0.7 or budget < 20, f"{count:,} {which}: lower the budget of {budget:,} in kernel_budget.txt: {small}, {large}"
    per_byte = (large.since_prompt - small.since_prompt) / (24 * MIB)
    assert per_byte <= MOST_PER_BYTE.get(board.name, MOST_PER_BYTE_OTHERS), f"{per_byte:.4f} instructions for each byte of the kernel"
    assert 24 * MIB <= large.from_device - small.from_device <= 24 * MIB + 64 * 1024, (small, large)


@pytest.mark.parametrize("name", ["qemu_arm64", "qemu-x86_64"])
def test_other_disks_cost_a_boot_nothing(name, machines, tmp_path, plugin):  # noqa: F811
    """But their reset before the jump."""
    counts = {disks: boot(BOARDS[name], machines, plugin, tmp_path / str(disks), 4 * MIB, disks) for disks in (1, 8, 24)}
    for disks, found in counts.items():
        assert found.for_files() == counts[1].for_files(), counts
        assert found.since_prompt <= counts[1].since_prompt * 1.01 + MOST_PER_IDLE_DISK * (disks - 1), counts
