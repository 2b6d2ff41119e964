#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Which kernels test_linux.py boots, on which machine, from where: the table in docs/boards.md. `--packages` names what a run needs."""

import dataclasses
import re
import sys

from rows import LONG


@dataclasses.dataclass(frozen=True)
class Kernel:
    name: str  # in the table
    board: str
    package: str  # of tools/payload/manifest
    busybox: str
    own_mib: int = 0  # of RAM, that it takes for itself beyond what test_linux.py expects of any


CLOUD = Kernel("Debian 12 cloud", "qemu_arm64", "linux-image-6.1.0-50-cloud-arm64:arm64", "busybox-static:arm64")
FULL = Kernel("Debian 12", "qemu_arm64", "linux-image-6.1.0-50-arm64:arm64", "busybox-static:arm64")

RISCV = Kernel("Debian 13", "qemu-riscv64", "linux-image-6.12.117+deb13-riscv64:riscv64", "busybox-static:riscv64", own_mib=40)
ARM = Kernel("Debian 12 armmp-lpae", "qemu_arm", "linux-image-6.1.0-50-armmp-lpae:armhf", "busybox-static:armhf")
AMD64 = Kernel("Debian 12 cloud", "qemu-x86_64", "linux-image-6.1.0-50-cloud-amd64:amd64", "busybox-static:amd64")
PAE = Kernel("Debian 12 686-pae", "qemu-x86", "linux-image-6.1.0-50-686-pae:i386", "busybox-static:i386")
PAE_ON_64 = Kernel("Debian 12 686-pae", "qemu-x86_64", "linux-image-6.1.0-50-686-pae:i386", "busybox-static:i386")


@dataclasses.dataclass(frozen=True)
class Row:
    kernel: Kernel
    # properties of `-machine virt`, each with its comma; x86: a machine, with its properties
    machine: str = ""
    arguments: str = ""
    transport: str = "pci"
    processors: int = 1
    source: str = "disk"  # or "tftp", "http", or "qfw": QEMU's -kernel
    always: bool = False  # in CI as well
    supervisor: bool = False  # riscv: under the OpenSBI that QEMU has, and not in machine mode

    @property
    def options(self):
        words = [self.machine.strip(","), self.arguments, f"-smp {self.processors}" if self.processors > 1 else ""]
        return " ".join(word for word in words if word)

    @property
    def is_x86(self):
        return self.kernel.board.startswith("qemu-x86")

    @property
    def machine_argument(self):
        return self.machine or "pc" if self.is_x86 else f"virt{self.machine}"

    @property
    def switches_off(self):
        return "acpi=off" not in self.machine

    @property
    def memory_mib(self):
        given = re.search(r"-m (\d+)([MG])", self.arguments)
        return (int(given[1]) * (1024 if given[2] == "G" else 1) if given else 128) - self.kernel.own_mib

    def __str__(self):
        below = "opensbi" if self.supervisor else ""
        words = f"{self.kernel.board} {self.kernel.package.split(':')[0].removeprefix('linux-image-')} {below} {self.options} {self.transport} {self.source}"
        return re.sub(r"[^\w.=]+", "-", words).strip("-")


WITHOUT_MSI = "-global virtio-blk-pci.vectors=0 -global virtio-net-pci.vectors=0"  # interrupts by pins

ROWS = [
    Row(CLOUD, always=True),
    Row(CLOUD, ",virtualization=on,gic-version=3", transport="mmio", processors=4, always=True),
    Row(CLOUD, transport="mmio"),
    Row(CLOUD, processors=4),
    Row(CLOUD, ",virtualization=on"),
    Row(CLOUD, ",gic-version=3", processors=4),
    Row(CLOUD, ",virtualization=on,gic-version=4", "-cpu max", processors=2),
    Row(CLOUD, ",secure=on,virtualization=on", processors=4, always=True),
    Row(CLOUD, ",secure=on", transport="mmio", processors=4),
    Row(CLOUD, ",secure=on,gic-version=3", processors=4),
    Row(CLOUD, ",secure=on,virtualization=on,gic-version=3", "-cpu max", processors=2),
    Row(CLOUD, ",secure=on"),
    Row(CLOUD, ",gic-version=3,its=off", transport="mmio", processors=2),
    Row(CLOUD, ",highmem=off", "-m 1G"),
    Row(CLOUD, arguments="-m 8G", processors=2),
    Row(CLOUD, arguments="-cpu neoverse-n1 -m 512M", processors=2),
    Row(CLOUD, ",gic-version=3", source="tftp", processors=2, always=True),
    Row(CLOUD, source="tftp"),
    Row(CLOUD, source="http", processors=2, always=True),
    Row(CLOUD, ",virtualization=on", source="http", transport="mmio"),
    Row(CLOUD, ",virtualization=on", source="qfw", transport="mmio", always=True),
    Row(CLOUD, source="qfw", processors=4),
    Row(CLOUD, transport="mmio", source="tftp", processors=4),
    Row(ARM, transport="mmio", processors=2, always=True),
    Row(ARM),
    Row(ARM, processors=4),
    Row(ARM, ",virtualization=on"),
    Row(ARM, ",gic-version=3", transport="mmio", processors=2),
    Row(ARM, ",secure=on", transport="mmio", processors=2, always=True),
    Row(ARM, ",secure=on,gic-version=3", processors=4),
    Row(ARM, ",secure=on,virtualization=on", processors=4),
    Row(ARM, ",secure=on,virtualization=on,gic-version=3", transport="mmio", processors=2),
    Row(ARM, ",highmem=off", "-m 1G"),
    Row(ARM, arguments="-m 2G", transport="mmio", processors=2),
    Row(ARM, arguments="-m 3G"),
    Row(ARM, source="tftp"),
    Row(ARM, source="qfw", processors=2, always=True),
    Row(ARM, ",highmem=off", "-m 1G", source="qfw", transport="mmio"),
    Row(RISCV, processors=4, always=True),
    Row(RISCV, supervisor=True, transport="mmio", processors=2, always=True),
    Row(RISCV),
    Row(RISCV, transport="mmio", processors=8),
    Row(RISCV, arguments="-cpu rv64,sstc=off", processors=4),
    Row(RISCV, ",aclint=on", processors=4),
    Row(RISCV, ",aia=aplic", processors=4),
    Row(RISCV, ",aia=aplic", source="qfw", transport="mmio", processors=4),
    Row(RISCV, source="qfw", processors=4, always=True),
    Row(RISCV, arguments="-m 2G", source="qfw"),
    Row(RISCV, arguments="-m 512M", source="tftp", processors=2),
    Row(RISCV, arguments="-m 4G", processors=4),
    Row(RISCV, supervisor=True, processors=4),
    Row(RISCV, supervisor=True, arguments="-m 2G", transport="mmio"),
    Row(AMD64, always=True),
    Row(AMD64, "q35", processors=4),
    Row(AMD64, "microvm", transport="mmio", processors=2, always=True),
    Row(AMD64, "q35", "-m 6G -cpu max", processors=2),
    Row(AMD64, arguments="-m 192M"),
    Row(AMD64, "q35", source="tftp"),
    Row(AMD64, source="http", always=True),
    Row(AMD64, "microvm", source="http", transport="mmio", processors=2),
    Row(AMD64, "microvm,pcie=on"),
    Row(AMD64, source="qfw", processors=2, always=True),
    Row(AMD64, "q35", "-m 6G", source="qfw"),
    Row(AMD64, "microvm", source="qfw", transport="mmio"),
    Row(AMD64, arguments=WITHOUT_MSI),
    Row(AMD64, "q35", WITHOUT_MSI, processors=2),
    Row(AMD64, "q35,acpi=off", WITHOUT_MSI),
    Row(PAE, processors=4, always=True),
    Row(PAE, "q35"),
    Row(PAE, "microvm", transport="mmio"),
    Row(PAE, arguments="-m 3G"),
    Row(PAE, source="qfw"),
    Row(PAE, "pc,acpi=off", WITHOUT_MSI),
    Row(PAE_ON_64, "q35", "-m 2G"),
    Row(FULL, processors=4),
    Row(FULL, ",virtualization=on", transport="mmio"),
    Row(FULL, ",gic-version=3", "-m 2G", transport="mmio", processors=4),
]
# test_other_kernels.py
MACH, XEN, MEMTEST = "gnumach-image-1.8-486:i386", "xen-hypervisor-4.17-amd64:amd64", "memtest86+:amd64"
OTHERS = {"opensbi:all", MACH, *((XEN, MEMTEST) if LONG else ())}  # and test_riscv_handover.py
SOURCES = {"disk": "disk", "tftp": "TFTP", "http": "HTTP", "qfw": "`-kernel`"}
CHOSEN = [row for row in ROWS if row.always or LONG]


def table():
    """For the page: each row of it was run."""
    lines = ["| board | kernel | machine | disk and card | loaded from | in every run |", "|---|---|---|---|---|---|"]
    for row in ROWS:
        options = f"`{row.options}`" if row.options else "as documented"
        if row.supervisor:
            options = f"under OpenSBI, {options}"
        lines.append(f"| `{row.kernel.board}` | {row.kernel.name} | {options} | {row.transport.upper()} | {SOURCES[row.source]} | "
                     f"{'yes' if row.always else ''} |")
    kernels = dict.fromkeys(row.kernel for row in ROWS)
    lines += ["", *(f"{kernel.name}: `{kernel.package.split(':')[0]}`." for kernel in kernels)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] != ["--packages"]:
        sys.exit("usage: tests/qemu/linux_rows.py --packages")
    print(*sorted({package for row in CHOSEN for package in (row.kernel.package, row.kernel.busybox)} | OTHERS))
