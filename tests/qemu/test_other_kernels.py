# SPDX-License-Identifier: Apache-2.0
"""Kernels that are not Linux images, as Debian packages them, and Linux' own vmlinux: each says on the serial line that it runs and what it was
told. Most of them only in `./test --long`."""

import dataclasses
import os
import pathlib
import re
import struct

import pytest

import images
import kernels
import linux_rows
import vm
from linux_rows import MACH, MEMTEST, XEN
from rows import only_long
from test_linux import MIB, check, files_of, package


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    package: str
    file: str  # of the package
    words: str  # its command line
    says: tuple  # in this order
    board: str = "qemu-x86_64"
    machine: str = "pc"

    def __str__(self):
        return f"{self.name}-{self.board}-{self.machine}"


def mach(board, machine):
    """It stops for want of a first program, which a boot loader would bring as a further module."""
    return Row("gnumach", MACH, "boot/gnumach-1.8-486.gz", "console=com0",
               ("GNU Mach 1.8", "biosmem: 0{18}:0+9f000, available", "bootstrap_create: No bootstrap code loaded with the kernel"),
               board, machine)


def xen(machine):
    """It stops for want of a kernel for its first domain."""
    return Row("xen", XEN, "boot/xen-4.17-amd64.gz", "no-real-mode com1=115200,8n1 console=com1 noreboot",
               ("Xen version 4.17", "Bootloader: Vireo", r"Command line: no-real-mode com1=115200,8n1 console=com1 noreboot",
                "dom0 kernel not specified"), machine=machine)


def memtest(board, machine, file):
    return Row("memtest86", MEMTEST, f"boot/{file}", "console=ttyS0,115200", ("Memtest86", "Status: Testing", "Errors: 0"), board, machine)


ROWS = [mach("qemu-x86", "pc"),
        *only_long(mach("qemu-x86_64", "q35"), xen("pc"), xen("q35"), memtest("qemu-x86_64", "pc", "memtest86+x64.bin"),
                   memtest("qemu-x86", "q35", "memtest86+ia32.bin"))]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_it_runs(row, machines, tmp_path):
    kernel = pathlib.Path(package(row.package)) / row.file
    disk = kernels.make_disk(tmp_path / "disk.img", tmp_path / "root", {"/kernel": kernel})
    machine = machines.boot(vm.BOARDS[row.board], ["-machine", row.machine, *vm.disk(0, disk, "pci")], nic="none")
    machine.command("load virtio 0 $kernel_addr_r /kernel")
    machine.command(f'setenv bootargs "{row.words}"')
    machine.send("zboot $kernel_addr_r\r")
    for words in row.says:
        machine.expect(words, 120)


def vmlinux(bzimage, folder):
    """What is packed in a bzImage, of the old form of lz4: Linux, Documentation/arch/x86/boot.rst, payload_offset."""
    start = (bzimage[0x1F1] + 1) * 512 + struct.unpack_from("<I", bzimage, 0x248)[0]
    length, = struct.unpack_from("<I", bzimage, 0x24C)
    packed, unpacked = folder / "vmlinux.lz4", folder / "vmlinux"
    packed.write_bytes(bzimage[start:start + length - 4])  # its last word is the size
    images.run("lz4", "-q", "-d", "-f", packed, unpacked)
    return unpacked


@pytest.mark.parametrize("machine,processors", only_long(("pc", 2), ("q35", 1), ("microvm", 1)))
def test_linux_by_pvh(machine, processors, machines, tmp_path):
    """Debian's cloud kernel without its own wrapping: it runs as any other, and sooner."""
    kernel = linux_rows.AMD64
    files = files_of(kernel.package, kernel.busybox)
    files["/boot/vmlinux"] = vmlinux(pathlib.Path(files.pop("/boot/vmlinuz")).read_bytes(), tmp_path)
    disk = kernels.make_disk(tmp_path / "disk.img", tmp_path / "root", files, 192 * MIB)
    transport = "mmio" if machine == "microvm" else "pci"
    card = "virtio-net-device" if machine == "microvm" else "virtio-net-pci,romfile="
    vireo = machines.boot(vm.BOARDS[kernel.board], ["-machine", machine, "-smp", str(processors), "-m", "512M", *vm.disk(0, disk, transport),
                                                    "-netdev", "user,id=net0", "-device", f"{card},netdev=net0"], nic=None)
    vireo.command("load virtio 0 $kernel_addr_r boot/vmlinux", timeout=120)
    vireo.command("load virtio 0 $ramdisk_addr_r boot/initrd", timeout=120)
    assert os.path.getsize(tmp_path / "vmlinux") > 32 * MIB, "it lies over where it goes"
    command_line = "console=ttyS0 root=/dev/vda file=file quiet"
    vireo.command(f'setenv bootargs "{command_line}"')
    vireo.send("zboot $kernel_addr_r - $ramdisk_addr_r\r")
    said = check(vireo, processors, 512, timeout=240)
    assert re.fullmatch(command_line + (r" tsc_early_khz=\d+" if machine == "microvm" else ""), said["command line"])
