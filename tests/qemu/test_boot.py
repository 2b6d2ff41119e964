# SPDX-License-Identifier: Apache-2.0
"""The way from reset to the prompt: what `bootstage report` says of it, and its guest instructions against their budget
(`boot_budget.txt`)."""

import os
import re

import counting
import images
import pytest
import vm
from test_matrix import LOAD

HERE = os.path.dirname(os.path.abspath(__file__))


def budgets():
    """Instructions for each board, run and translated, from the one file that has them."""
    with open(os.path.join(HERE, "boot_budget.txt"), encoding="ascii") as file:
        lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {board: [int(count.replace(",", "")) for count in counts] for board, *counts in lines}


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    return counting.make_plugin(str(tmp_path_factory.mktemp("plugin")))


def test_the_start_keeps_its_budget_of_instructions(board, machines, tmp_path, plugin):
    """With -icount the guest's time is its instructions, and nothing of an entropy device's start waits for the host: two runs
    differ by less than half a percent."""
    counter = tmp_path / "count"
    machine = machines.boot(board, ["-icount", "shift=4", *counting.arguments(plugin, counter), "-device", "virtio-rng-pci"])
    counts = [counting.read(counter), counting.read_translated(counter)]
    for count, budget, which in zip(counts, budgets()[board.name], ("run", "translated"), strict=True):
        assert count <= budget, f"{count:,} instructions {which} from reset to the prompt, the budget in boot_budget.txt is {budget:,}"
        # A budget that is far away would notice nothing.
        assert count >= budget * 0.7, f"{count:,} instructions {which}: lower the budget of {budget:,} in boot_budget.txt"
    assert machine.command("rng list").strip(), "the device did not start"


def test_bootstage_report(board, machines, tmp_path):
    image = images.blank(tmp_path / "disk.img", images.MIB)
    machine = machines.boot(board, vm.disk(0, image))
    lines = machine.command("bootstage report").splitlines()
    heading = re.fullmatch(r"Timer summary in microseconds \((\d+) records\):", lines[0])
    assert heading and lines[1] == "       Mark    Elapsed  Stage"
    end = lines.index("")
    records = [re.fullmatch(r"([ \d,]{11})([ \d,]{11})  (\w+)", line).groups() for line in lines[2:end]]
    assert int(heading[1]) == len(records)
    marks = [int(mark.replace(",", "")) for mark, _, _ in records]
    elapsed = [int(time.replace(",", "")) for _, time, _ in records]
    assert [sum(elapsed[:number + 1]) for number in range(len(elapsed))] == marks
    names = [name for _, _, name in records]
    assert names[0] == "reset" and names[-1] == "main_loop"
    assert {"machine", "banner", "virtio_scan", "virtio_start"} <= set(names)
    assert 0 < marks[-1] < 60_000_000
    # What went into devices lies between two stages; disks have not been used yet, then they have.
    work = accumulated(lines[end:])
    start = dict(zip(names, marks))
    assert 0 < work["dm_r"] <= start["virtio_start"] - start["banner"]
    assert work["network"] == 0
    machine.command("virtio read %x 0 800" % LOAD[board.name])
    later = accumulated(machine.command("bootstage report").splitlines()[end:])
    assert work["disk"] < later["disk"] < 60_000_000 and later["dm_r"] == work["dm_r"]


def accumulated(lines):
    """The second part of the report, as U-Boot's users and their test suite know it."""
    assert lines[:2] == ["", "Accumulated time:"]
    rows = [re.fullmatch(r" {11}([ \d,]{11})  (\w+)", line).groups() for line in lines[2:]]
    return {name: int(time.replace(",", "")) for time, name in rows}
