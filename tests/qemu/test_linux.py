# SPDX-License-Identifier: Apache-2.0
"""Debian's own kernels, unchanged, booted by typing `booti`, `bootz` or `zboot` at the console, or by QEMU's `-kernel` alone: each mounts the disk it came from, finds a file there whole,
pings, and powers off. One row of the table in docs/boards.md each; most of them only in `./test --long`."""

import contextlib
import functools
import gzip
import hashlib
import http.server
import os
import pathlib
import re
import subprocess
import threading

import pytest

import images
import initrd
import kernels
import linux_rows
import vm
import wrapping
from conftest import TOP, build_folder
from rows import only_long

MIB = images.MIB
BOOT = {"qemu_arm": "bootz $kernel_addr_r", "qemu_arm64": "booti $kernel_addr_r", "qemu-riscv64": "booti $kernel_addr_r",
        "qemu-x86": "zboot $kernel_addr_r -", "qemu-x86_64": "zboot $kernel_addr_r -"}
CONSOLE = {"qemu_arm": "ttyAMA0", "qemu_arm64": "ttyAMA0"}  # and ttyS0
ROOT_FILE = images.noise(MIB + 321, seed=11)  # a file on the disk that a kernel boots from

# All processors but the first are taken out and brought back, several times.
STOPS_PROCESSORS = initrd.INIT.replace('echo "init: done"', """for round in 1 2 3; do
    for to in 0 1; do
        for one in /sys/devices/system/cpu/cpu[1-9]; do echo $to >$one/online || echo "init: $one refuses"; done
        echo "init: round $round: $(cat /sys/devices/system/cpu/online)"
    done
done
echo "init: done\"""")


@functools.cache
def package(wanted):
    """The folder of an unpacked package of tools/payload/manifest. Where it is not to be had, the test is skipped, and says why; CI has
    a network, so there it fails."""
    fetched = subprocess.run([os.path.join(TOP, "tools/payload/fetch"), wanted], capture_output=True, text=True, check=False)
    if fetched.returncode == 0:
        return fetched.stdout.strip()
    why = fetched.stderr.strip().rpartition("\n")[2]
    return pytest.fail(why, pytrace=False) if os.environ.get("CI") else pytest.skip(why)


def files_of(kernel, busybox):
    """What a disk has to have: a kernel package's image, initrds for it (tools/payload/initrd.py), and ROOT_FILE."""
    root = package(kernel)
    return {"/boot/vmlinuz": pathlib.Path(initrd.kernel(root)), "/boot/initrd": initrd.build(root, package(busybox)),
            "/boot/initrd-stops": initrd.build(root, package(busybox), init=STOPS_PROCESSORS), "/file": ROOT_FILE}


def check(machine, processors, memory_mib, timeout=120, switches_off=True):
    """A boot to the end of the initrd's script, and of QEMU where that can be: the disk's file is right, the network answers."""
    text, _ = machine.expect(r"init: done\r*\n", timeout)
    said = dict(re.findall(r"(?m)^init: (kernel|command line|processors|memory|file|ping) (.*?)$", text))
    assert said["file"] == hashlib.sha256(ROOT_FILE).hexdigest()
    assert said["ping"] == "answered"
    assert int(said["processors"]) == processors
    # What the kernel takes for itself is less than a third; a firmware that keeps some shows
    # in large machines.
    assert int(said["memory"].split()[0]) >= memory_mib * 1024 * 2 // 3
    if switches_off:
        assert machine.wait_exit(timeout) == 0
    else:
        machine.expect("reboot: System halted", timeout)
    return said


@contextlib.contextmanager
def serving(folder):
    """Serves its files by HTTP; the URL that QEMU's user network makes of that."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_):
            pass
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://10.0.2.2:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def disks(tmp_path_factory):
    """A disk for each kernel, made when it is first wanted; the kernels only read it."""
    made = {}

    def of(kernel):
        if kernel not in made:
            folder = tmp_path_factory.mktemp("linux")
            made[kernel] = kernels.make_disk(folder / "disk.img", folder / "root", files_of(kernel.package, kernel.busybox), 128 * MIB)
        return made[kernel]
    return of


@pytest.mark.parametrize("row", linux_rows.CHOSEN, ids=str)
def test_linux(row, disks, machines):
    image = disks(row.kernel)
    network = ["-netdev", f"user,id=net0,tftp={vm.escape(image.parent / 'root')}",
               "-device", ("virtio-net-pci,romfile=" if row.transport == "pci" else "virtio-net-device") + ",netdev=net0"]
    arguments = ["-machine", row.machine_argument, "-smp", str(row.processors), *row.arguments.split()]
    board = vm.BOARDS[row.kernel.board]
    command = board.command(build_folder(board), [*arguments, *vm.disk(0, image, row.transport), *network])
    if row.supervisor:
        command[command.index("-bios")] = "-kernel"
    command_line = f"console={CONSOLE.get(board.name, 'ttyS0')} root=/dev/vda file=file quiet"
    if row.source == "qfw":
        boot = image.parent / "root/boot"
        machine = machines.start([*command, "-kernel", boot / "vmlinuz", "-initrd", boot / "initrd", "-append", command_line])
    else:
        machine = machines.start(command)
        machine.boot()
        with serving(image.parent / "root") as url:
            boot_by_hand(machine, row, command_line, url)
    said = check(machine, row.processors, row.memory_mib, switches_off=row.switches_off)
    added = r" tsc_early_khz=\d+" if "microvm" in row.machine else ""
    assert re.fullmatch(re.escape(command_line) + added, said["command line"])


def boot_by_hand(machine, row, command_line, url):
    """Types what loads and boots it."""
    if row.source in ("tftp", "http"):
        machine.command("setenv autoload no; dhcp")
    load = {"disk": "load virtio 0 ${} {}", "tftp": "tftpboot ${} {}", "http": f"wget ${{}} {url}/{{}}"}[row.source]
    for place, name in (("kernel_addr_r", "boot/vmlinuz"), ("ramdisk_addr_r", "boot/initrd")):
        machine.command(load.format(place, name), timeout=120)
        assert machine.status() == 0
    machine.command(f'setenv bootargs "{command_line}"')
    machine.send(f"{BOOT[row.kernel.board]} $ramdisk_addr_r\r")


STOPPING = [linux_rows.Row(kernel, properties, processors=4) for kernel in (linux_rows.CLOUD, linux_rows.ARM)
            for properties in (",secure=on", ",secure=on,gic-version=3")]


@pytest.mark.parametrize("row", only_long(*STOPPING), ids=str)
def test_processors_stop_and_start(row, disks, machines):
    """By the PSCI that Vireo leaves in the secure world."""
    machine = machines.boot(vm.BOARDS[row.kernel.board], ["-machine", f"virt{row.machine}", "-smp", "4", *vm.disk(0, disks(row.kernel), "pci")])
    for place, name in (("kernel_addr_r", "boot/vmlinuz"), ("ramdisk_addr_r", "boot/initrd-stops")):
        machine.command(f"load virtio 0 ${place} {name}", timeout=120)
    machine.command('setenv bootargs "console=ttyAMA0 root=/dev/vda file=file quiet"')
    machine.send(f"{BOOT[row.kernel.board]} $ramdisk_addr_r\r")
    text, _ = machine.expect(r"init: done\r*\n", 180)
    assert re.findall(r"(?m)^init: round \d: (.*?)$", text) == ["0", "0-3"] * 3 and "refuses" not in text, text
    assert machine.wait_exit(120) == 0


@pytest.mark.parametrize("form", ["gzip", *only_long("zstd", "lz4", "lz4-of-old", "xz", "lzma", "zboot", "uimage")])
def test_linux_out_of(form, machines, tmp_path):
    """Debian's cloud kernel for arm64, compressed as other distributions have theirs."""
    kernel = linux_rows.CLOUD
    files = files_of(kernel.package, kernel.busybox)
    image = pathlib.Path(files["/boot/vmlinuz"]).read_bytes()
    wraps = {**wrapping.PACKED, "zboot": lambda data: wrapping.zboot(gzip.compress(data, 1)),
             "uimage": lambda data: wrapping.uimage(gzip.compress(data, 1), compression=1)}
    files["/boot/vmlinuz"] = wraps[form](image)
    disk = kernels.make_disk(tmp_path / "disk.img", tmp_path / "root", files, 128 * MIB)
    machine = machines.boot(vm.BOARDS[kernel.board], ["-m", "512M", *vm.disk(0, disk, "pci"), "-netdev", "user,id=net0",
                                                      "-device", "virtio-net-pci,romfile=,netdev=net0"], nic=None)
    machine.command("load virtio 0 48000000 boot/vmlinuz", timeout=120)
    machine.command("load virtio 0 $ramdisk_addr_r boot/initrd", timeout=120)
    command_line = "console=ttyAMA0 root=/dev/vda file=file quiet"
    machine.command(f'setenv bootargs "{command_line}"')
    machine.send("bootm 48000000 $ramdisk_addr_r\r")
    said = check(machine, 1, 512, timeout=240)
    assert said["command line"] == command_line
