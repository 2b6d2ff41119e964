# SPDX-License-Identifier: Apache-2.0
"""The hosted build beside fio on the same files: how much of what the host can do the disk path leaves."""

import json
import os
import subprocess
import sys
import tempfile
import time

from console import Console, NoPrompt
from disks import Mismatch
from workload import BLOCK, RAW, READ_BYTES, SCATTERED, WRITE_BYTES, WRITTEN

ADDRESS = 0x40200000  # the hosted machine's load address
FIGURES = {"read_contiguous": "read of 512 MiB", "read_4k": "scattered read of 4 KiB", "write": "write of 256 MiB, durable"}
COMMANDS = {"read_contiguous": (RAW, f"virtio read {ADDRESS:x} 0 {READ_BYTES // 512:x}", "1048576 blocks read: OK", 1),
            "read_4k": (RAW, f"virtio bench 0 {SCATTERED:x}", "reads/s", SCATTERED),
            "write": (WRITTEN, f"virtio write {ADDRESS:x} 0 {WRITE_BYTES // 512:x}", "524288 blocks written: OK", 1)}


def fio(workload):
    """What fio takes through the page cache: large reads, single reads one after the other, writes with one sync at the end."""
    def run(number, *options):
        command = ["fio", "--name=limit", f"--filename={workload.path(number)}", "--invalidate=0", "--ioengine=psync",
                   "--allow_file_create=0", "--output-format=json", *options]
        job = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["jobs"][0]
        return job["read"], job["write"], job["job_runtime"]

    large = run(RAW, "--rw=read", "--bs=1M", f"--size={READ_BYTES}")[0]
    small = run(RAW, "--rw=randread", f"--bs={BLOCK}", f"--size={READ_BYTES}", f"--number_ios={SCATTERED}", "--norandommap")[0]
    workload.clear_written()
    start = time.monotonic()
    run(WRITTEN, "--rw=write", "--bs=1M", f"--size={WRITE_BYTES}", "--end_fsync=1")
    write_with_start = time.monotonic() - start
    start = time.monotonic()
    run(WRITTEN, "--rw=read", "--bs=4k", "--size=4k")
    nothing = time.monotonic() - start  # fio's own start and end; its figures leave the sync out
    return {"read_contiguous": large["runtime"] / 1000, "read_4k": small["runtime"] / 1000 / small["total_ios"],
            "write": max(write_with_start - nothing, 0.001)}


def measure(command, workload):
    """One start of vireo-hosted: figure -> seconds."""
    workload.clear_written()
    results = {}
    with Console(command, needs_terminal=True) as console:
        console.boot(key=None)
        console.command(f"virtio read {ADDRESS:x} 0 {READ_BYTES // 512:x}")  # the host gives it its memory
        for name, (disk, line, answer, reads) in COMMANDS.items():
            console.command(f"virtio device {disk if disk == RAW else 1}")
            seconds, text = console.command(line)
            if "\nUsage:" in text:
                continue
            if answer not in text:
                raise Mismatch(f"vireo-hosted: {line}\n{text}")
            results[name] = seconds / reads
    workload.check_written()
    return results


class Daemon:
    """qemu-storage-daemon that offers the two images as vhost-user-blk disks."""

    def __init__(self, workload):
        self._folder = tempfile.TemporaryDirectory(prefix="vireo-vu-")
        self.sockets = [os.path.join(self._folder.name, f"disk{index}") for index in range(2)]
        words = []
        for index, (number, socket) in enumerate(zip((RAW, WRITTEN), self.sockets)):
            words += ["--blockdev", f"driver=file,node-name=d{index},filename={workload.path(number)}", "--export",
                      f"type=vhost-user-blk,id=e{index},node-name=d{index},addr.type=unix,addr.path={socket},writable=on"]
        self._process = subprocess.Popen(["qemu-storage-daemon", *words])
        deadline = time.monotonic() + 30
        while not all(os.path.exists(socket) for socket in self.sockets):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise Mismatch("qemu-storage-daemon offers no disks")
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def measure_all(program, workload, runs):
    """Contender -> figure -> seconds, by turns."""
    usage = subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout
    contenders = {"fio": lambda: fio(workload)}
    contenders["vireo, fake device"] = lambda: measure(
        [program, "--blk", workload.path(RAW), "--blk", workload.path(WRITTEN)], workload)
    if "--vhost-user-blk" in usage:
        def through_daemon():
            with Daemon(workload) as daemon:
                words = [word for socket in daemon.sockets for word in ("--vhost-user-blk", socket)]
                return measure([program, *words], workload)
        contenders["vireo, qemu-storage-daemon"] = through_daemon
    results = {name: {} for name in contenders}
    for _ in range(runs):
        for name, run in contenders.items():
            try:
                for figure, seconds in run().items():
                    results[name].setdefault(figure, []).append(seconds)
            except (Mismatch, NoPrompt) as failure:
                print(f"bench: hosted, {name}: {failure}", file=sys.stderr)
    return results
