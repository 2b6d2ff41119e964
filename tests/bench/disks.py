# SPDX-License-Identifier: Apache-2.0
"""Disk figures: a contender boots, touches its memory once, and is timed command by command."""

import contextlib
import os

import counting
import qmp
import vm
from console import Console
from workload import FIGURES, MANY, RAW, READ_BYTES

MEMORY = "1G"
IDLE_SECONDS = 2


class Mismatch(RuntimeError):
    """A contender said, read or wrote something else than it should."""


def arguments(workload):
    """The same for both: five virtio-blk-pci disks, images in the host's page cache, writes durable by FLUSH."""
    words = ["-m", MEMORY, "-nic", "none"]
    for number in range(MANY + 2):
        words += vm.disk(number, workload.path(number), drive=",cache=writeback")
    return words


def measure(name, command, address, workload, is_checked=False, plugin=None):
    """One boot of one contender: figure -> seconds. With a plugin: figure -> (guest instructions, requests to the devices).
    `is_checked`: what was loaded and written is compared too."""
    workload.clear_written()
    results = {}
    with contextlib.ExitStack() as stack:
        monitor = stack.enter_context(qmp.Monitor()) if plugin else None
        if plugin:
            command = [*command, *counting.arguments(plugin, f"{plugin}.counter"), *monitor.arguments]
        console = stack.enter_context(Console(command, counter=f"{plugin}.counter" if plugin else None))
        console.boot()
        console.command("virtio scan")  # not every U-Boot looks for its disks before
        # The host gives the machine its memory at the first touch; that is no firmware's time.
        console.command(f"virtio device {RAW}")
        console.command(f"virtio read {address:x} 0 {READ_BYTES // 512:x}")
        for figure in FIGURES:
            value = measure_figure(console, monitor, name, figure, address, workload)
            if value is not None:
                results[figure.name] = value
            if is_checked and figure.name.startswith("ext4"):
                check_loaded(console, address, workload)
        if is_checked:
            results["idle"] = console.processor_share(IDLE_SECONDS)
    if is_checked:
        workload.check_written()
    return results


def measure_figure(console, monitor, name, figure, address, workload):
    is_rival = name == "u-boot"
    line = (figure.rival if is_rival and figure.rival else figure.command).format(a=f"{address:x}")
    if figure.before:
        console.command(figure.before)
    if monitor:
        before = (console.instructions(), total_requests(monitor))
        text = console.command(line, timeout=300)[1]
        value = (console.instructions() - before[0], total_requests(monitor) - before[1])
    else:
        seconds, text = console.command(line)
        value = seconds / (figure.rival_reads if is_rival else figure.reads)
    if "\nUsage:" in text:
        return None  # a build without the command
    answer, times = figure.answer.format(raw_crc=workload.raw_crc), figure.times
    if is_rival and figure.rival:
        answer, times = figure.rival_answer, figure.rival_reads
    if text.split("\n", 1)[-1].count(answer) < times:
        raise Mismatch(f"{name}: {line}\n{text[:200]}\n...\n{text[-1500:]}")
    return value


def total_requests(monitor):
    return sum(sum(kinds) for kinds in monitor.requests().values())


def check_loaded(console, address, workload):
    size = os.path.getsize(os.path.join(workload.folder, "file"))
    text = console.command(f"crc32 {address:x} {size:x}")[1]
    if workload.file_crc not in text:
        raise Mismatch(f"load: the file has CRC {workload.file_crc}, not\n{text}")
