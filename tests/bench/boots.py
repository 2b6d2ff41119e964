# SPDX-License-Identifier: Apache-2.0
"""From reset to a kernel's first instruction: Vireo, and everybody else who boots kernels on these machines, with the same files. The kernels
say that they run and do nothing more (tools/vm/first_instruction.py), so nothing here is a kernel's own time."""

import dataclasses
import mmap
import os
import random
import statistics
import struct
import subprocess
import time

import counting
import first_instruction
import vm
from console import PROMPT, Console

MIB = 1 << 20
MEMORY = "1G"
INITRD_BYTES = 1_600_000
# As large as Debian's cloud kernels (armhf: armmp) are.
KERNEL_BYTES = {"qemu_arm": 5632 << 10, "qemu_arm64": 32 * MIB, "qemu-riscv32": 31129600, "qemu-riscv64": 31129600,
                "qemu-x86": 14 * MIB, "qemu-x86_64": 14 * MIB}
COMMAND = {"qemu_arm": "bootz $kernel_addr_r", "qemu_arm64": "booti $kernel_addr_r", "qemu-riscv32": "booti $kernel_addr_r",
           "qemu-riscv64": "booti $kernel_addr_r", "qemu-x86": "zboot $kernel_addr_r -", "qemu-x86_64": "zboot $kernel_addr_r -"}
LINE = "console=ttyS0 quiet"
EXTLINUX = f"default l0\nlabel l0\n  linux /boot/vmlinuz\n  initrd /boot/initrd\n  append {LINE}\n"
DISK_BYTES = 64 * MIB
RIVAL = "/usr/lib/u-boot"
QBOOT = "/usr/share/qemu/qboot.rom"
TIMEOUT = 120

# What the page calls each way; in its order.
WAYS = {
    "vireo-disk": "Vireo, from disk",
    "u-boot-disk": "U-Boot, from disk",
    "u-boot-key": "U-Boot, from disk, its countdown interrupted",
    "vireo-qfw": "Vireo, QEMU's `-kernel`",
    "qboot": "qboot, `-kernel`",
    "seabios": "SeaBIOS, `-kernel`",
    "vireo-disk-s": "Vireo under OpenSBI, from disk",
    "u-boot-disk-s": "U-Boot under OpenSBI, from disk",
    "u-boot-key-s": "U-Boot under OpenSBI, from disk, its countdown interrupted",
    "opensbi": "OpenSBI alone, QEMU puts the kernel into RAM",
    "qemu": "no firmware: QEMU puts the kernel into RAM",
    "microvm vireo-qfw": "microvm: Vireo, `-kernel`",
    "microvm qboot": "microvm: qboot, `-kernel`",
    "microvm seabios": "microvm: SeaBIOS, `-kernel`",
}


@dataclasses.dataclass(frozen=True)
class Way:
    command: list
    stops_countdown: bool = False  # by a key, and `boot` is typed then


@dataclasses.dataclass(frozen=True)
class Files:
    """What is booted on one board."""
    folder: str
    board: vm.Board

    def path(self, name):
        return os.path.join(self.folder, name)

    def given(self):
        """As QEMU is told."""
        return ["-kernel", self.path("root/boot/vmlinuz"), "-initrd", self.path("root/boot/initrd"), "-append", LINE]

    def environment(self):
        """As Vireo is told to boot from the disk, without a countdown."""
        return ["-fw_cfg", f"name=opt/vireo/env,file={vm.escape(self.path('env'))}"]

    def host_copy(self):
        """Seconds in which the host copies the same bytes from its page cache to fresh memory."""
        started = time.monotonic()
        for name in ("root/boot/vmlinuz", "root/boot/initrd"):
            size = os.path.getsize(self.path(name))
            with open(self.path(name), "rb", buffering=0) as file, mmap.mmap(-1, size) as memory:
                file.readinto(memory)
        return time.monotonic() - started


def boot_command(board):
    loads = "; ".join(f"load virtio 0:1 ${place} boot/{name}" for place, name in (("kernel_addr_r", "vmlinuz"), ("ramdisk_addr_r", "initrd")))
    return f"{loads}; {COMMAND[board.name]} $ramdisk_addr_r"


def make_files(work, board):
    """A disk with one partition: kernel, initrd, and what U-Boot looks for there."""
    files = Files(os.path.join(work, f"boot-{board.name}"), board)
    for folder in ("root/boot", "root/extlinux"):
        os.makedirs(files.path(folder), exist_ok=True)
    for name, content in (("root/boot/vmlinuz", first_instruction.build(files.folder, board, KERNEL_BYTES[board.name])),
                          ("root/boot/initrd", random.Random(1).randbytes(INITRD_BYTES)),
                          ("root/extlinux/extlinux.conf", EXTLINUX.encode()),
                          ("env", f"bootargs={LINE}\nbootdelay=-2\nbootcmd={boot_command(board)}\n".encode())):
        with open(files.path(name), "wb") as file:
            file.write(content)
    image, start = files.path("disk.img"), MIB
    with open(image, "wb") as file:
        file.truncate(DISK_BYTES)
        # a partition table of old: one entry, bootable, Linux
        file.write(bytes(446) + struct.pack("<B3xB3xII", 0x80, 0x83, start // 512, (DISK_BYTES - start) // 512) + bytes(48) + b"\x55\xaa")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-E", f"root_owner=0:0,offset={start}", "-d", files.path("root"), image,
                    f"{(DISK_BYTES - start) // 1024}k"], check=True, stdin=subprocess.DEVNULL)
    return files


def build_with_command(top, work, board):
    """RISC-V has no fw_cfg in QEMU 7.2: an image of its own whose `bootcmd` is in the build. Its folder."""
    out = os.path.join(work, f"boots-{board.name}")
    make = ["make", "-s", "-C", top, f"O={out}"]
    subprocess.run([*make, f"{board.name}_defconfig"], check=True, stdin=subprocess.DEVNULL)
    path = os.path.join(out, ".config")
    with open(path, encoding="ascii") as config:
        kept = [line for line in config if not line.startswith(("CONFIG_BOOTDELAY=", "CONFIG_BOOTCOMMAND="))]
    with open(path, "w", encoding="ascii") as config:
        config.writelines([*kept, "CONFIG_BOOTDELAY=0\n", f'CONFIG_BOOTCOMMAND="setenv bootargs {LINE}; {boot_command(board)}"\n'])
    for goal in ("olddefconfig", f"-j{os.cpu_count()}"):
        subprocess.run([*make, goal], check=True, stdin=subprocess.DEVNULL)
    return out


def ways(board, folder, files, build_special):
    """Name -> Way, of what there is on this board."""
    shared = ["-m", MEMORY, "-nic", "none", *vm.disk(0, files.path("disk.img"))]
    plain = [board.qemu, "-nographic", *board.machine, *shared]

    def bios(image, *more):
        return [*plain, "-bios", image, *more]
    mine = os.path.join(folder, board.firmware)
    rival = os.path.join(RIVAL, board.rival)
    if board.name in ("qemu_arm", "qemu_arm64"):
        return {"vireo-disk": Way(bios(mine, *files.environment())), "u-boot-disk": Way(bios(rival)), "u-boot-key": Way(bios(rival), True),
                "vireo-qfw": Way(bios(mine, *files.given())), "qemu": Way([*plain, *files.given()])}
    if board.name.startswith("qemu-riscv"):
        special = os.path.join(build_special(), board.firmware)
        found = {"vireo-disk": Way(bios(special)), "qemu": Way(bios("none", *files.given()))}
        if board.rival:  # 64 bits: Debian 12 has no OpenSBI for 32
            supervisor = os.path.join(RIVAL, board.name + "_smode", "uboot.elf")
            found |= {"vireo-disk-s": Way([*plain, "-kernel", special]), "u-boot-disk-s": Way([*plain, "-kernel", supervisor]),
                      "u-boot-key-s": Way([*plain, "-kernel", supervisor], True), "opensbi": Way([*plain, *files.given()])}
        return found
    found = {"vireo-disk": Way(bios(mine, *files.environment())), "vireo-qfw": Way(bios(mine, *files.given())),
             "qboot": Way(bios(QBOOT, *files.given())), "seabios": Way([*plain, *files.given()])}
    if board.bits == 64:
        small = [board.qemu, "-nographic", "-machine", "microvm", "-m", MEMORY, *files.given()]
        found |= {"microvm vireo-qfw": Way([*small, "-bios", mine]), "microvm qboot": Way([*small, "-bios", QBOOT]),
                  "microvm seabios": Way([*small, "-bios", "/usr/share/seabios/bios-microvm.bin"])}
    return found


def run(way, counter=None):
    """Seconds from QEMU's start to the kernel's first instruction."""
    with Console([*way.command, *(counter or ())]) as console:
        if way.stops_countdown:
            console.wait(PROMPT.search, TIMEOUT, at_countdown=b" ")
            console.type("boot")
        return console.wait(lambda seen: first_instruction.SAYS in seen, TIMEOUT)[0] - console.started


SLOWLY = ("-singlestep", "-d", "nochain")


def count(way, plugin):
    """Guest instructions until then: translated; run; and run by a guest that QEMU slows down, to which disks seem fast: who waits for one looks at it
    again and again, so what is run depends on the host."""
    def once(*more):
        counter = f"{plugin}.counter"
        run(way, [*counting.arguments(plugin, counter), *more])
        return counting.read(counter), counting.read_translated(counter)
    run_by_it, translated = once()
    return {"run": run_by_it, "translated": translated, "slowed": once(*SLOWLY)[0]}


def measure(boards, runs, work, folder_of, build_special, floor_of, plugin):  # pylint: disable=too-many-arguments,too-many-positional-arguments
    """board -> {"ways": {way: {"seconds": [...], "run": n, "translated": n}}, "floor": [...], "copy": [...]}."""
    results = {}
    for board in boards:
        files = make_files(work, board)
        chosen = ways(board, folder_of(board), files, lambda one=board: build_special(one))
        of_board = results[board.name] = {"ways": {name: {"seconds": []} for name in chosen}, "floor": [], "copy": []}
        for _ in range(runs):
            of_board["floor"].append(floor_of(board))
            of_board["copy"].append(files.host_copy())
            for name, way in chosen.items():
                of_board["ways"][name]["seconds"].append(run(way))
        for name, way in chosen.items():
            figures = of_board["ways"][name]
            if plugin:
                figures |= count(way, plugin)
            times = f"{statistics.median(figures['seconds']) * 1000:8.1f} ms  " if figures["seconds"] else ""
            print(f"{board.name:14}{name:18} {times}{figures.get('run', 0):>13,} instructions, "
                  f"{figures.get('slowed', 0):>13,} slowed down, {figures.get('translated', 0):>8,} translated", flush=True)
    return results
